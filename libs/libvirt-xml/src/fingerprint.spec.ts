import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { readDomain } from './domain-description.codec.js';
import { implied } from './fingerprint.policy.js';

const domain = (devices: string) =>
  readDomain(`<domain type="qemu"><name>n</name><devices>${devices}</devices></domain>`);

describe('the fingerprint of a read domain', () => {
  it('is the same whatever the order in which libvirt lists devices', () => {
    const usb = '<controller type="usb" index="0"/>';
    const pci = '<controller type="pci" index="0"><address bus="1" slot="2"/></controller>';
    expect(domain(usb + pci).fingerprint).toBe(domain(pci + usb).fingerprint);
    expect(domain(usb + pci).fingerprint).not.toBe(domain(usb).fingerprint);
  });

  const withMetadata = (metadata: string) =>
    readDomain(`<domain type="qemu"><name>n</name>${metadata}<devices/></domain>`).fingerprint;
  const mark = (command: string) => `<drover:vm xmlns:drover="urn:drover:vm:1" command="${command}"/>`;

  it('is another with metadata of others, and the same whatever command our mark names', () => {
    const ours = withMetadata(`<metadata>${mark('a')}</metadata>`);
    expect(withMetadata(`<metadata>${mark('b')}</metadata>`)).toBe(ours);
    expect(withMetadata('')).toBe(ours);
    const foreign = withMetadata(`<metadata>${mark('a')}<x:note xmlns:x="urn:x">one</x:note></metadata>`);
    expect(foreign).not.toBe(ours);
    expect(withMetadata(`<metadata><x:note xmlns:x="urn:x">one</x:note>${mark('b')}</metadata>`)).toBe(foreign);
    expect(withMetadata(`<metadata><x:note xmlns:x="urn:x">two</x:note></metadata>`)).not.toBe(foreign);
  });
});

const folder = new URL('../fixtures/definitions/', import.meta.url);
const definitions = readdirSync(folder).map((name) => [name, readFileSync(new URL(name, folder), 'utf8')] as const);
const [[, before = ''] = []] = definitions;

/** One definition as versions of libvirt write it that add what the others imply; each names the rule that it is an example of. */
const written: readonly (readonly [since: string, from: string, to: string, edited: string])[] = [
  ['6.1.0', " dies='1'", '', " dies='2'"],
  ['6.5.0', "<cpu mode='custom'", "<cpu mode='custom' migratable='on'", "<cpu mode='custom' migratable='off'"],
  ['7.0.0', "<audio id='1' type='none'/>", '', "<audio id='1' type='spice'/>"],
  [
    '9.1.0',
    '<memballoon ',
    "<watchdog model='itco' action='reset'/><memballoon ",
    "<watchdog model='itco' action='poweroff'/><memballoon ",
  ],
  ['10.1.0', " dies='1'", " dies='1' clusters='1'", " dies='1' clusters='2'"],
];

describe('the fingerprint of one definition under another libvirt', () => {
  const rewritten = (from: string, to: string) => {
    expect(before.split(from)).toHaveLength(2);
    return readDomain(before.replace(from, to)).fingerprint;
  };
  const unchanged = readDomain(before).fingerprint;

  it.each(definitions)('is the same as read of %s', (_name, xml) => {
    expect(readDomain(xml).fingerprint).toBe(unchanged);
  });

  it.each(written)('is the same with and without what libvirt writes since %s', (_since, from, to) => {
    expect(rewritten(from, to)).toBe(unchanged);
  });

  it.each(written)('is another where a person chose otherwise than libvirt since %s', (_since, from, _to, edited) => {
    expect(rewritten(from, edited)).not.toBe(unchanged);
  });

  it('is the same with a second watchdog that the machine type has, next to one that was asked for', () => {
    const asked = "<watchdog model='i6300esb' action='reset'/><memballoon ";
    const one = rewritten('<memballoon ', asked);
    expect(one).not.toBe(unchanged);
    expect(rewritten('<memballoon ', `<watchdog model='itco' action='reset'/>${asked}`)).toBe(one);
  });

  it('has an example of each rule', () => {
    expect(written.map(([since]) => since)).toEqual(implied.map(({ since }) => since));
  });
});
