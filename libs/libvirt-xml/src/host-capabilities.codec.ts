import { attribute, child, children, readXml, text } from './xml.codec.js';

export interface HostCapabilities {
  readonly architecture: string;
  readonly cpuModel: string;
  readonly numa: readonly { readonly cell: number; readonly memoryMiB: number; readonly cpus: readonly number[] }[];
  /** Of x86_64, by the names that stay the same. */
  readonly machines: readonly { readonly type: string; readonly maxVcpus: number }[];
}

/** Reads what `virConnectGetCapabilities` gives. */
export function readHostCapabilities(xml: string): HostCapabilities {
  const capabilities = child(readXml(xml), 'capabilities');
  const host = child(capabilities, 'host');
  const guest = children(capabilities, 'guest').find(
    (candidate) => text(candidate, 'os_type') === 'hvm' && attribute(child(candidate, 'arch'), 'name') === 'x86_64',
  );
  return {
    architecture: text(host, 'cpu', 'arch') ?? '',
    cpuModel: text(host, 'cpu', 'model') ?? '',
    numa: children(child(host, 'topology', 'cells'), 'cell').map((cell) => ({
      cell: Number(attribute(cell, 'id') ?? 0),
      memoryMiB: Math.floor(Number(text(cell, 'memory') ?? 0) / 1024),
      cpus: children(child(cell, 'cpus'), 'cpu').map((cpu) => Number(attribute(cpu, 'id') ?? 0)),
    })),
    machines: children(child(guest, 'arch'), 'machine')
      .filter((machine) => attribute(machine, 'canonical') === undefined)
      .map((machine) => ({ type: text(machine) ?? '', maxVcpus: Number(attribute(machine, 'maxCpus') ?? 0) }))
      .filter(({ type, maxVcpus }) => type !== '' && maxVcpus > 0),
  };
}

export interface PciDevice {
  readonly address: string;
  readonly vendorId: string;
  readonly productId: string;
  /** Six hexadecimal digits: class, subclass, programming interface. */
  readonly class: string;
  readonly description: string;
  readonly iommuGroup?: number;
}

/** Reads a `<device>` of a PCI device (`virNodeDeviceGetXMLDesc`); undefined for any other kind. */
export function readPciDevice(xml: string): PciDevice | undefined {
  const capability = children(child(readXml(xml), 'device'), 'capability').find(
    (candidate) => attribute(candidate, 'type') === 'pci',
  );
  if (capability === undefined) return undefined;
  const hex = (name: string, width: number) =>
    Number(text(capability, name) ?? 0)
      .toString(16)
      .padStart(width, '0');
  const id = (name: string) => (attribute(child(capability, name), 'id') ?? '').replace(/^0x/, '');
  const group = attribute(child(capability, 'iommuGroup'), 'number');
  return {
    address: `${hex('domain', 4)}:${hex('bus', 2)}:${hex('slot', 2)}.${hex('function', 1)}`,
    vendorId: id('vendor'),
    productId: id('product'),
    class: (text(capability, 'class') ?? '').replace(/^0x/, ''),
    description: [text(capability, 'vendor'), text(capability, 'product')].filter(Boolean).join(' '),
    ...(group === undefined ? {} : { iommuGroup: Number(group) }),
  };
}

/** Display controllers (class 03, PCI Code and ID Assignment Specification) and processing accelerators (12). */
export function isGpu(device: Pick<PciDevice, 'class'>): boolean {
  return device.class.startsWith('03') || device.class.startsWith('12');
}
