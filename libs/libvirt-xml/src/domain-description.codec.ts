import type { SettledDefinition } from '@drover/contracts';
import { fingerprint } from './fingerprint.policy.js';
import { readMark, type DomainMark } from './mark.codec.js';
import { attribute, child, children, readXml, text, type XmlElement } from './xml.codec.js';

/** What Drover reads of any domain, its own or another's. */
export interface DomainDescription {
  readonly uuid: string;
  readonly name: string;
  readonly title: string;
  readonly vcpus: number;
  readonly memoryMiB: number;
  readonly mark?: DomainMark;
  readonly fingerprint: string;
  readonly machineType: string;
  readonly cpuModel: string;
  readonly accelerator: 'kvm' | 'tcg';
  readonly disks: readonly {
    readonly target: string;
    readonly serial: string;
    readonly path: string;
    readonly pciAddress?: string;
  }[];
  readonly nics: readonly { readonly mac: string; readonly network: string; readonly pciAddress?: string }[];
  /** All but the root, by index. */
  readonly pciControllers: readonly {
    readonly index: number;
    readonly model: string;
    readonly pciAddress?: string;
  }[];
}

/** Reads the XML that `virDomainGetXMLDesc` gives. */
export function readDomain(xml: string): DomainDescription {
  const domain = child(readXml(xml), 'domain');
  if (domain === undefined) throw new Error('not a <domain>');
  const mark = readMark(domain);
  const name = text(domain, 'name') ?? '';
  const devices = child(domain, 'devices');
  const type = child(domain, 'os', 'type');
  const cpu = child(domain, 'cpu');
  return {
    uuid: text(domain, 'uuid') ?? '',
    name,
    title: text(domain, 'title') ?? name,
    vcpus: Number(text(domain, 'vcpu') ?? 0),
    memoryMiB: memoryMiB(child(domain, 'memory')),
    ...(mark === undefined ? {} : { mark }),
    fingerprint: fingerprint(domain),
    machineType: attribute(type, 'machine') ?? '',
    cpuModel: text(cpu, 'model') ?? attribute(cpu, 'mode') ?? '',
    accelerator: attribute(domain, 'type') === 'kvm' ? 'kvm' : 'tcg',
    disks: children(devices, 'disk')
      .filter((disk) => attribute(disk, 'device') !== 'cdrom')
      .map((disk) => ({
        target: attribute(child(disk, 'target'), 'dev') ?? '',
        serial: text(disk, 'serial') ?? '',
        path: attribute(child(disk, 'source'), 'file') ?? '',
        ...pciAddress(disk),
      })),
    nics: children(devices, 'interface').map((nic) => ({
      mac: attribute(child(nic, 'mac'), 'address') ?? '',
      network: attribute(child(nic, 'source'), 'network') ?? attribute(child(nic, 'source'), 'bridge') ?? '',
      ...pciAddress(nic),
    })),
    pciControllers: children(devices, 'controller')
      .filter((controller) => attribute(controller, 'type') === 'pci')
      .map((controller) => ({
        index: Number(attribute(controller, 'index') ?? 0),
        model: attribute(controller, 'model') ?? '',
        ...pciAddress(controller),
      }))
      .filter(({ index }) => index > 0)
      .sort((a, b) => a.index - b.index),
  };
}

/**
 * What libvirt settled for a VM of ours.
 *
 * @param disks the disks as they were asked for; libvirt keeps their order per bus, so they are found by serial.
 */
export function settledDefinition(
  description: DomainDescription,
  disks: readonly { readonly name: string; readonly pool: string; readonly volume: string; readonly serial: string }[],
): SettledDefinition {
  return {
    machineType: description.machineType,
    cpuModel: description.cpuModel,
    accelerator: description.accelerator,
    nics: description.nics.map(({ network: _, ...nic }) => nic),
    disks: disks.map((disk) => {
      const found = description.disks.find((candidate) => candidate.serial === disk.serial);
      return {
        ...disk,
        target: found?.target ?? '',
        ...(found?.pciAddress === undefined ? {} : { pciAddress: found.pciAddress }),
      };
    }),
    pciControllers: description.pciControllers.map((controller) => ({ ...controller })),
    fingerprint: description.fingerprint,
  };
}

const UNIT_BYTES: Readonly<Record<string, number>> = {
  b: 1,
  bytes: 1,
  KB: 1e3,
  k: 1024,
  KiB: 1024,
  MB: 1e6,
  M: 1024 ** 2,
  MiB: 1024 ** 2,
  GB: 1e9,
  G: 1024 ** 3,
  GiB: 1024 ** 3,
  TB: 1e12,
  T: 1024 ** 4,
  TiB: 1024 ** 4,
};

function memoryMiB(element: XmlElement | undefined): number {
  const bytes = Number(text(element) ?? 0) * (UNIT_BYTES[attribute(element, 'unit') ?? 'KiB'] ?? 1024);
  return Math.round(bytes / 1024 ** 2);
}

function pciAddress(device: XmlElement): { readonly pciAddress?: string } {
  const address = child(device, 'address');
  if (attribute(address, 'type') !== 'pci') return {};
  const part = (name: string, width: number) =>
    Number(attribute(address, name) ?? 0)
      .toString(16)
      .padStart(width, '0');
  return { pciAddress: `${part('domain', 4)}:${part('bus', 2)}:${part('slot', 2)}.${part('function', 1)}` };
}
