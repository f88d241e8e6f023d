import { errors, vcpuCount, type Rejection, type VmSpec } from '@drover/contracts';

/** More of them need an IOMMU that remaps interrupts. A host's machine type may allow fewer: placement asks. */
const MAX_VCPUS = 255;

interface UnbuiltField {
  /** JSON pointer into the request body. */
  readonly pointer: string;
  readonly isAskedFor: boolean;
}

/**
 * The first field of a spec whose work is not built yet, as a rejection. Nothing that was asked for is ever ignored: a
 * field leaves this list in the change that honours it.
 */
export function unsupportedField(spec: VmSpec): Rejection | undefined {
  const vcpus = vcpuCount(spec.cpu);
  if (vcpus > MAX_VCPUS) {
    return errors.UNSUPPORTED_FIELD(
      `/spec/cpu asks for ${vcpus} vCPUs (sockets x cores x threads); this version gives a VM at most ${MAX_VCPUS}`,
      { field: '/spec/cpu', data: { vcpus, maxVcpus: MAX_VCPUS } },
    );
  }
  const found = unbuiltFields(spec).find((field) => field.isAskedFor);
  if (found === undefined) return undefined;
  return errors.UNSUPPORTED_FIELD(`${found.pointer} cannot be honoured by this version; leave it out`, {
    field: found.pointer,
  });
}

function unbuiltFields(spec: VmSpec): readonly UnbuiltField[] {
  const { cpu, memory, firmware, boot, devices } = spec;
  return [
    field('/spec/cpu/limits', cpu.limits),
    field('/spec/cpu/pinning', cpu.pinning),
    field('/spec/memory/maximumMiB', memory.maximumMiB),
    field('/spec/memory/balloon', memory.balloon),
    field('/spec/memory/hugepages', memory.hugepages),
    { pointer: '/spec/firmware/type', isAskedFor: firmware.type !== 'bios' },
    { pointer: '/spec/firmware/secureBoot', isAskedFor: firmware.secureBoot === true },
    field('/spec/boot/order', boot.order),
    field('/spec/boot/directKernel', boot.directKernel),
    // The machine type q35 has no IDE controller.
    ...spec.disks.map((disk, index) => ({ pointer: `/spec/disks/${index}/bus`, isAskedFor: disk.bus === 'ide' })),
    ...spec.nics.map((nic, index) => field(`/spec/nics/${index}/vlan`, nic.vlan)),
    { pointer: '/spec/console/graphics', isAskedFor: spec.console.graphics !== 'none' },
    field('/spec/cloudInit', spec.cloudInit),
    field('/spec/devices/pci', devices.pci),
    field('/spec/devices/gpu', devices.gpu),
    field('/spec/devices/tpm', devices.tpm),
    // Libvirt knows it from 9.1 on.
    { pointer: '/spec/devices/watchdog/model', isAskedFor: devices.watchdog?.model === 'itco' },
    field('/spec/ha', spec.ha),
    field('/spec/drs', spec.drs),
  ];
}

function field(pointer: string, value: unknown): UnbuiltField {
  return { pointer, isAskedFor: value !== undefined };
}
