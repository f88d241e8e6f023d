import { attribute, child, children, readXml, text, type XmlElement } from './xml.codec.js';

/** What a hypervisor can give to a domain of one machine type and kind. */
export interface DomainCapabilities {
  /** The machine type that was asked for, by the name that stays the same. */
  readonly machine: string;
  readonly maxVcpus: number;
  /** CPU models that a guest gets in full; with `host-model` and `host-passthrough` where they work. */
  readonly cpuModels: readonly string[];
  readonly firmware: readonly ('bios' | 'uefi' | 'uefi-secure')[];
  readonly tpmVersions: readonly ('1.2' | '2.0')[];
  /** Whether it has the ISA device by which a guest says that it panicked. A libvirt too old to say so has it. */
  readonly hasPanicDevice: boolean;
}

/** Reads what `virConnectGetDomainCapabilities` gives (https://libvirt.org/formatdomaincaps.html). */
export function readDomainCapabilities(xml: string): DomainCapabilities {
  const root = child(readXml(xml), 'domainCapabilities');
  if (root === undefined) throw new Error('not <domainCapabilities>');
  const modes = children(child(root, 'cpu'), 'mode').filter((mode) => attribute(mode, 'supported') === 'yes');
  const named = modes.find((mode) => attribute(mode, 'name') === 'custom');
  const loader = child(root, 'os', 'loader');
  const tpm = child(root, 'devices', 'tpm');
  const panic = child(root, 'devices', 'panic');
  const hasUefi = choices(child(root, 'os'), 'firmware').includes('efi');
  const hasEmulatedTpm = attribute(tpm, 'supported') === 'yes' && choices(tpm, 'backendModel').includes('emulator');
  const tpmVersions = choices(tpm, 'backendVersion').filter((version) => version === '1.2' || version === '2.0');
  return {
    machine: text(root, 'machine') ?? '',
    maxVcpus: Number(attribute(child(root, 'vcpu'), 'max') ?? 0),
    cpuModels: [
      ...modes
        .flatMap((mode) => attribute(mode, 'name') ?? [])
        .filter((name) => name === 'host-model' || name === 'host-passthrough'),
      ...children(named, 'model')
        .filter((model) => attribute(model, 'usable') === 'yes')
        .flatMap((model) => text(model) ?? [])
        .sort(),
    ],
    firmware: [
      'bios',
      ...(hasUefi ? (['uefi'] as const) : []),
      ...(hasUefi && choices(loader, 'secure').includes('yes') ? (['uefi-secure'] as const) : []),
    ],
    // Emulators without a list of versions are of a time when only 2.0 was worth having.
    tpmVersions: !hasEmulatedTpm ? [] : tpmVersions.length > 0 ? tpmVersions : ['2.0'],
    hasPanicDevice: panic === undefined || choices(panic, 'model').includes('isa'),
  };
}

function choices(element: XmlElement | undefined, name: string): readonly string[] {
  const list = children(element, 'enum').find((candidate) => attribute(candidate, 'name') === name);
  return children(list, 'value').flatMap((value) => text(value) ?? []);
}
