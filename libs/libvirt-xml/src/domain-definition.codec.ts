import { vcpuCount, type SettledDefinition, type VmId, type VmSpec } from '@drover/contracts';
import { derivedMac, diskSerial, domainName } from './domain-names.js';
import { MARK_NAMESPACE, MARK_PREFIX, markElement, type DomainMark } from './mark.codec.js';
import { writeXml, type XmlElement } from './xml.codec.js';

/** A disk's place on the host. */
export interface DiskPlace {
  readonly name: string;
  /** Absolute path of the volume. */
  readonly path: string;
  readonly format: 'qcow2' | 'raw';
}

export interface DirectKernel {
  readonly kernel: string;
  readonly initramfs?: string;
  readonly commandLine?: string;
}

export interface DomainInput {
  readonly vmId: VmId;
  readonly name: string;
  readonly spec: VmSpec;
  readonly mark: DomainMark;
  readonly accelerator: 'kvm' | 'tcg';
  /** One for each disk of the spec, in its order. */
  readonly disks: readonly DiskPlace[];
  readonly directKernel?: DirectKernel;
  /** Whether the hypervisor has the device by which a guest says that it panicked. */
  readonly hasPanicDevice: boolean;
  /** What an earlier definition settled: machine type, MACs, PCI addresses and the buses they are on stay as they were. */
  readonly settled?: SettledDefinition;
  /** The network filter of libvirt that every NIC gets, `no-mac-spoofing`, say. */
  readonly nicFilter?: string;
}

const MACHINE_TYPE = 'q35';
/** Which letter a disk's target begins with, per bus. */
const TARGET_PREFIX = { virtio: 'vd', scsi: 'sd', sata: 'sd', ide: 'hd' } as const;

/** The `<domain>` of a VM (https://libvirt.org/formatdomain.html). Input that is equal gives text that is equal. */
export function writeDomain(input: DomainInput): string {
  const { spec, settled } = input;
  const vcpus = vcpuCount(spec.cpu);
  return writeXml({
    domain: {
      '@type': input.accelerator === 'kvm' ? 'kvm' : 'qemu',
      name: domainName(input.vmId),
      uuid: input.vmId,
      title: input.name,
      ...(spec.metadata.description === undefined ? {} : { description: spec.metadata.description }),
      metadata: { [`${MARK_PREFIX}:vm`]: { ...markAttributes(input.mark) } },
      memory: { '@unit': 'MiB', '#text': spec.memory.sizeMiB },
      vcpu: { '@placement': 'static', '#text': vcpus },
      os: operatingSystem(input),
      features: { acpi: '', apic: '' },
      cpu: cpu(input),
      clock: { '@offset': 'utc' },
      on_poweroff: 'destroy',
      on_reboot: 'restart',
      // Left in libvirt's hands it would start again by itself; whether it may is Drover's decision.
      on_crash: 'destroy',
      devices: {
        ...diskDevices(input),
        ...controllers(input),
        ...nicDevices(input),
        ...channels(spec),
        ...otherDevices(input),
      },
    },
  });

  function markAttributes(mark: DomainMark): XmlElement {
    return { [`@xmlns:${MARK_PREFIX}`]: MARK_NAMESPACE, ...(markElement(mark).vm as XmlElement) };
  }

  function operatingSystem({ directKernel }: DomainInput): XmlElement {
    return {
      type: { '@arch': 'x86_64', '@machine': settled?.machineType ?? MACHINE_TYPE, '#text': 'hvm' },
      ...(directKernel === undefined
        ? { boot: { '@dev': 'hd' } }
        : {
            kernel: directKernel.kernel,
            ...(directKernel.initramfs === undefined ? {} : { initrd: directKernel.initramfs }),
            ...(directKernel.commandLine === undefined ? {} : { cmdline: directKernel.commandLine }),
          }),
    };
  }
}

function cpu({ spec, accelerator }: DomainInput): XmlElement {
  const { sockets, cores, threads, model } = spec.cpu;
  const topology = { '@sockets': sockets, '@cores': cores, '@threads': threads };
  const wanted = model ?? (accelerator === 'kvm' ? 'host-model' : 'qemu64');
  if (wanted === 'host-passthrough') return { '@mode': wanted, '@check': 'none', topology };
  // A start is refused where the host lacks a feature of the model; without a check, which is libvirt's choice under TCG, the guest
  // would run without it. `full` would refuse also what QEMU adds to a model, such as `hypervisor`.
  const check = { '@check': 'partial' };
  if (wanted === 'host-model') return { '@mode': wanted, ...check, topology };
  return {
    '@mode': 'custom',
    '@match': 'exact',
    ...check,
    model: { '@fallback': 'forbid', '#text': wanted },
    topology,
  };
}

function diskDevices({ vmId, spec, disks, settled }: DomainInput): XmlElement {
  const used: Record<string, number> = {};
  let scsiDisks = 0;
  const disk = spec.disks.map((wanted, index) => {
    const place = disks[index];
    if (place?.name !== wanted.name) throw new Error(`disk ${wanted.name} has no place on the host`);
    const prefix = TARGET_PREFIX[wanted.bus];
    const number = used[prefix] ?? 0;
    used[prefix] = number + 1;
    const before = settled?.disks.find((candidate) => candidate.name === wanted.name);
    const limits = wanted.ioLimits;
    return {
      '@type': 'file',
      '@device': 'disk',
      driver: {
        '@name': 'qemu',
        '@type': place.format,
        '@discard': 'unmap',
        ...(wanted.cache === undefined ? {} : { '@cache': wanted.cache }),
      },
      source: { '@file': place.path },
      target: { '@dev': before?.target ?? targetName(prefix, number), '@bus': wanted.bus },
      ...(limits === undefined
        ? {}
        : {
            iotune: {
              ...(limits.readKiBps === undefined ? {} : { read_bytes_sec: limits.readKiBps * 1024 }),
              ...(limits.writeKiBps === undefined ? {} : { write_bytes_sec: limits.writeKiBps * 1024 }),
              ...(limits.readIops === undefined ? {} : { read_iops_sec: limits.readIops }),
              ...(limits.writeIops === undefined ? {} : { write_iops_sec: limits.writeIops }),
            },
          }),
      serial: diskSerial(vmId, wanted.name),
      ...(wanted.bus === 'scsi' ? scsiAddress(scsiDisks++) : pciAddress(before?.pciAddress)),
    };
  });
  return disk.length === 0 ? {} : { disk };
}

/** Left to libvirt, every eighth disk would get a controller more, of a kind that few guests have a driver for. */
function scsiAddress(unit: number): XmlElement {
  return { address: { '@type': 'drive', '@controller': 0, '@bus': 0, '@target': 0, '@unit': unit } };
}

/**
 * The one for SCSI disks, and the PCI ports and bridges that were settled: libvirt, which makes those that are missing,
 * would make a port where there was a bridge, and then refuse the addresses of what was behind it.
 */
function controllers({ spec, settled }: DomainInput): XmlElement {
  const controller = [
    ...(spec.disks.some(({ bus }) => bus === 'scsi')
      ? [{ '@type': 'scsi', '@index': 0, '@model': 'virtio-scsi' }]
      : []),
    ...(settled?.pciControllers ?? []).map((before) => ({
      '@type': 'pci',
      '@index': before.index,
      '@model': before.model,
      ...pciAddress(before.pciAddress),
    })),
  ];
  return controller.length === 0 ? {} : { controller };
}

/** `vda` … `vdz`, `vdaa` …, as the kernel counts. */
function targetName(prefix: string, number: number): string {
  const letters = 'abcdefghijklmnopqrstuvwxyz';
  const last = letters[number % 26] ?? 'a';
  return number < 26 ? `${prefix}${last}` : `${targetName(prefix, Math.floor(number / 26) - 1)}${last}`;
}

function nicDevices({ vmId, spec, settled, nicFilter }: DomainInput): XmlElement {
  if (spec.nics.length === 0) return {};
  return {
    interface: spec.nics.map((nic, index) => {
      const before = settled?.nics[index];
      return {
        '@type': 'network',
        mac: { '@address': nic.mac ?? before?.mac ?? derivedMac(vmId, index) },
        source: { '@network': nic.network },
        model: { '@type': nic.model },
        ...(nicFilter === undefined ? {} : { filterref: { '@filter': nicFilter } }),
        ...bandwidth(nic.rate),
        ...pciAddress(before?.pciAddress),
      };
    }),
  };
}

function bandwidth(rate: VmSpec['nics'][number]['rate']): XmlElement {
  if (rate === undefined) return {};
  return {
    bandwidth: {
      ...(rate.inboundKiBps === undefined ? {} : { inbound: { '@average': kilobytes(rate.inboundKiBps) } }),
      ...(rate.outboundKiBps === undefined ? {} : { outbound: { '@average': kilobytes(rate.outboundKiBps) } }),
    },
  };
}

/** Libvirt's unit of a bandwidth is 1000 bytes a second. */
function kilobytes(kibibytes: number): number {
  return Math.round(kibibytes * 1.024);
}

/** The guest agent's channel is always there: without it a guest cannot be asked anything. */
function channels(spec: VmSpec): XmlElement {
  return {
    channel: { '@type': 'unix', target: { '@type': 'virtio', '@name': 'org.qemu.guest_agent.0' } },
    ...(spec.console.serial
      ? {
          serial: { '@type': 'pty', target: { '@port': 0 } },
          console: { '@type': 'pty', target: { '@type': 'serial' } },
        }
      : {}),
  };
}

function otherDevices({ hasPanicDevice, spec }: DomainInput): XmlElement {
  return {
    // Without it a guest that panicked is one that runs, for ever.
    ...(hasPanicDevice ? { panic: { '@model': 'isa' } } : {}),
    memballoon: { '@model': 'virtio' },
    ...(spec.devices.rng
      ? { rng: { '@model': 'virtio', backend: { '@model': 'random', '#text': '/dev/urandom' } } }
      : {}),
    ...(spec.devices.watchdog === undefined
      ? {}
      : { watchdog: { '@model': spec.devices.watchdog.model, '@action': spec.devices.watchdog.action } }),
  };
}

/** `0000:03:00.0` as the element that libvirt wants. */
function pciAddress(address: string | undefined): XmlElement {
  const match = /^([0-9a-f]{4}):([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])$/.exec(address ?? '');
  if (match === null) return {};
  return {
    address: {
      '@type': 'pci',
      '@domain': `0x${match[1]}`,
      '@bus': `0x${match[2]}`,
      '@slot': `0x${match[3]}`,
      '@function': `0x${match[4]}`,
    },
  };
}
