import { describe, expect, it } from '@jest/globals';
import { readDomainCapabilities } from './domain-capabilities.codec.js';
import { readHostCapabilities } from './host-capabilities.codec.js';

const list = (name: string, ...values: string[]) =>
  `<enum name='${name}'>${values.map((value) => `<value>${value}</value>`).join('')}</enum>`;

const capabilities = (parts: { os?: string; devices?: string } = {}) =>
  readDomainCapabilities(`<domainCapabilities><machine>pc-q35-7.2</machine><arch>x86_64</arch><vcpu max='288'/>
    <os supported='yes'>${parts.os ?? ''}</os>
    <cpu>
      <mode name='host-passthrough' supported='no'/>
      <mode name='maximum' supported='yes'/>
      <mode name='host-model' supported='yes'><model fallback='forbid'>EPYC</model></mode>
      <mode name='custom' supported='yes'>
        <model usable='yes' vendor='unknown'>qemu64</model>
        <model usable='no' vendor='Intel'>Skylake-Server</model>
        <model usable='unknown' vendor='Intel'>Haswell</model>
        <model usable='yes' vendor='Intel'>Nehalem</model>
      </mode>
    </cpu>
    <devices>${parts.devices ?? ''}</devices></domainCapabilities>`);

describe('what domains can have', () => {
  it('is the machine by its lasting name, and only models that a guest gets in full', () => {
    expect(capabilities()).toMatchObject({
      machine: 'pc-q35-7.2',
      maxVcpus: 288,
      cpuModels: ['host-model', 'Nehalem', 'qemu64'],
      firmware: ['bios'],
      tpmVersions: [],
    });
  });

  it.each([
    [
      list('firmware', 'efi') + `<loader supported='yes'>${list('secure', 'yes', 'no')}</loader>`,
      ['uefi', 'uefi-secure'],
    ],
    [list('firmware', 'bios', 'efi') + `<loader supported='yes'>${list('secure', 'no')}</loader>`, ['uefi']],
    [`<enum name='firmware'/><loader supported='yes'>${list('secure', 'yes')}</loader>`, []],
  ] as const)('has UEFI, and secure boot, only where both are said', (os, more) => {
    expect(capabilities({ os }).firmware).toEqual(['bios', ...more]);
  });

  it('has a TPM only where one can be emulated', () => {
    const tpm = (...enums: string[]) => capabilities({ devices: `<tpm supported='yes'>${enums.join('')}</tpm>` });
    expect(tpm(list('backendModel', 'passthrough')).tpmVersions).toEqual([]);
    expect(tpm(list('backendModel', 'emulator')).tpmVersions).toEqual(['2.0']);
    expect(tpm(list('backendModel', 'emulator'), list('backendVersion', '1.2', '2.0')).tpmVersions).toEqual([
      '1.2',
      '2.0',
    ]);
  });

  it('has the panic device unless libvirt lists those that there are without it', () => {
    expect(capabilities().hasPanicDevice).toBe(true);
    expect(capabilities({ devices: `<panic supported='no'/>` }).hasPanicDevice).toBe(false);
    expect(capabilities({ devices: `<panic supported='yes'>${list('model', 'isa')}</panic>` }).hasPanicDevice).toBe(
      true,
    );
  });

  it('is no other document', () => {
    expect(() => readDomainCapabilities('<domain/>')).toThrow('not <domainCapabilities>');
  });
});

describe('the machine types of a host', () => {
  it('are told by their lasting names, for the one architecture that Drover runs', () => {
    const guest = (arch: string, machines: string) =>
      `<guest><os_type>hvm</os_type><arch name='${arch}'><wordsize>64</wordsize>${machines}</arch></guest>`;
    const { machines } = readHostCapabilities(
      `<capabilities><host/>${guest('i686', `<machine maxCpus='1'>isapc</machine>`)}${guest(
        'x86_64',
        `<machine maxCpus='288'>pc-q35-7.2</machine><machine canonical='pc-q35-7.2' maxCpus='288'>q35</machine>`,
      )}</capabilities>`,
    );
    expect(machines).toEqual([{ type: 'pc-q35-7.2', maxVcpus: 288 }]);
  });
});
