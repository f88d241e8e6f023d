/**
 * Every field of a VM spec is on one of two sides: refused by name, or honoured, and then seen in what Drover hands on. A new
 * field of the schema, or a new value of one, is on neither, and fails here until somebody has decided.
 */
import { describe, expect, it } from '@jest/globals';
import { orderIdSchema, fleetIdSchema, vmIdSchema, vmSpecSchema, type VmId, type VmSpec } from '@drover/contracts';
import { demandOf } from '@drover/fleet-model';
import { diskSerial, volumeName, writeDomain } from '@drover/libvirt-xml';
import { z } from 'zod';
import { unsupportedField } from './supported-fields.policy.js';

type JsonSchema = z.core.JSONSchema.JSONSchema;

const vmId: VmId = vmIdSchema.parse('0199c4e2-0000-7000-8000-000000000001');
const hostId = '0199c4e2-0000-7000-8000-0000000000aa';

/** The least that has a disk and a NIC. */
const least = { disks: [{ name: 'data', sizeMiB: 1 }], nics: [{ network: 'lan' }] };

/** A value for every field that takes more than a few; what comes with a field stands next to it. */
const example = {
  cpu: {
    sockets: 2,
    cores: 3,
    threads: 4,
    model: 'Haswell',
    limits: { ceilingMillicores: 1000, shares: 100, reservationMillicores: 500 },
    pinning: [{ vcpu: 0, hostCpus: [1] }],
  },
  memory: { sizeMiB: 777, maximumMiB: 1024, balloon: { minimumMiB: 64 }, hugepages: { pageSizeKiB: 2048 } },
  boot: { directKernel: { kernel: 'vmlinuz', initramfs: 'initrd', commandLine: 'quiet' } },
  disks: [
    {
      name: 'other',
      pool: 'fast',
      sizeMiB: 555,
      ioLimits: { readIops: 11, writeIops: 12, readKiBps: 13, writeKiBps: 14 },
      image: 'debian',
    },
  ],
  nics: [{ network: 'dmz', vlan: 7, mac: '52:54:00:12:34:56', rate: { inboundKiBps: 1000, outboundKiBps: 2000 } }],
  cloudInit: { hostname: 'web', sshAuthorizedKeys: ['ssh-ed25519 A'], userDataSecret: 'u', networkConfigSecret: 'n' },
  devices: {
    pci: [{ address: '0000:65:00.0', vendorId: '10de', productId: '20b5' }],
    gpu: [{ model: 'a100', profile: 'q1' }],
    watchdog: { model: 'i6300esb', action: 'reset' },
  },
  labels: { tier: 'web' },
  placement: { hostId, zone: 'z1', cluster: 'gold', hostLabels: { disk: 'ssd' } },
  metadata: { description: 'a web server', annotations: { owner: 'ops' } },
};

/** Where what was asked for is seen: text of the domain that libvirt is given, or what the scheduler is asked. */
const inDomain = (text: string) => (spec: VmSpec) => domainOf(spec).includes(text);
const withoutInDomain = (text: string) => (spec: VmSpec) => !domainOf(spec).includes(text);
const inDemand = (text: string) => (spec: VmSpec) => JSON.stringify(demandOf(spec)).includes(text);
const inPlacement = (text: string) => (spec: VmSpec) => JSON.stringify(spec.placement).includes(text);
/** People's own words: given back as they were written, and labels chosen by. */
const kept = (text: string) => (spec: VmSpec) => JSON.stringify([spec.labels, spec.metadata]).includes(text);

const honoured: Readonly<Record<string, (spec: VmSpec) => boolean>> = {
  '/cpu/sockets': inDomain('sockets="2"'),
  '/cpu/cores': inDomain('cores="3"'),
  '/cpu/threads': inDomain('threads="4"'),
  '/cpu/model': inDomain('>Haswell</model>'),
  '/memory/sizeMiB': inDomain('<memory unit="MiB">777</memory>'),
  '/firmware/type=bios': withoutInDomain('<loader'),
  '/firmware/secureBoot=false': withoutInDomain('<loader'),
  '/disks/0/name': inDomain(diskSerial(vmId, 'other')),
  '/disks/0/pool': inDemand('{"fast":1}'),
  '/disks/0/sizeMiB': inDemand('{"default":555}'),
  '/disks/0/format=qcow2': inDomain('type="qcow2"'),
  '/disks/0/format=raw': inDomain('type="raw"'),
  '/disks/0/bus=virtio': inDomain('<target dev="vda" bus="virtio"/>'),
  '/disks/0/bus=scsi': inDomain('<target dev="sda" bus="scsi"/>'),
  '/disks/0/bus=sata': inDomain('<target dev="sda" bus="sata"/>'),
  '/disks/0/cache=none': inDomain('cache="none"'),
  '/disks/0/cache=writeback': inDomain('cache="writeback"'),
  '/disks/0/cache=writethrough': inDomain('cache="writethrough"'),
  '/disks/0/cache=directsync': inDomain('cache="directsync"'),
  '/disks/0/cache=unsafe': inDomain('cache="unsafe"'),
  '/disks/0/ioLimits/readIops': inDomain('<read_iops_sec>11</read_iops_sec>'),
  '/disks/0/ioLimits/writeIops': inDomain('<write_iops_sec>12</write_iops_sec>'),
  '/disks/0/ioLimits/readKiBps': inDomain('<read_bytes_sec>13312</read_bytes_sec>'),
  '/disks/0/ioLimits/writeKiBps': inDomain('<write_bytes_sec>14336</write_bytes_sec>'),
  '/disks/0/image': inDemand('["debian"]'),
  '/nics/0/network': inDomain('<source network="dmz"/>'),
  '/nics/0/mac': inDomain('<mac address="52:54:00:12:34:56"/>'),
  '/nics/0/model=virtio': inDomain('<model type="virtio"/>'),
  '/nics/0/model=e1000e': inDomain('<model type="e1000e"/>'),
  '/nics/0/model=e1000': inDomain('<model type="e1000"/>'),
  '/nics/0/model=rtl8139': inDomain('<model type="rtl8139"/>'),
  '/nics/0/rate/inboundKiBps': inDomain('<inbound average="1024"/>'),
  '/nics/0/rate/outboundKiBps': inDomain('<outbound average="2048"/>'),
  '/console/serial=true': inDomain('<serial type="pty">'),
  '/console/serial=false': withoutInDomain('<serial type="pty">'),
  '/console/graphics=none': withoutInDomain('<graphics'),
  '/devices/watchdog/model=i6300esb': inDomain('<watchdog model="i6300esb"'),
  '/devices/watchdog/action=reset': inDomain('action="reset"'),
  '/devices/watchdog/action=poweroff': inDomain('action="poweroff"'),
  '/devices/watchdog/action=pause': inDomain('action="pause"'),
  '/devices/watchdog/action=none': inDomain('action="none"'),
  '/devices/rng=true': inDomain('<rng model="virtio">'),
  '/devices/rng=false': withoutInDomain('<rng'),
  '/labels': kept('{"tier":"web"}'),
  '/placement/hostId': inPlacement(hostId),
  '/placement/zone': inPlacement('"zone":"z1"'),
  '/placement/cluster': inPlacement('"cluster":"gold"'),
  '/placement/hostLabels': inPlacement('{"disk":"ssd"}'),
  '/placement/policy=spread': inPlacement('"spread"'),
  '/placement/policy=pack': inPlacement('"pack"'),
  '/metadata/description': inDomain('<description>a web server</description>'),
  '/metadata/annotations': kept('{"owner":"ops"}'),
};

/** A field, with one of its values where it has only a few. */
interface Choice {
  readonly path: readonly string[];
  readonly value?: string | number | boolean | null;
}

const nameOf = ({ path, value }: Choice): string =>
  `/${path.join('/')}${value === undefined ? '' : `=${String(value)}`}`;

/** The fields of a schema that hold no other fields; of a list its first item. */
function choicesOf(schema: JsonSchema, path: readonly string[] = []): Choice[] {
  const below = (part: unknown, step: string): Choice[] =>
    typeof part === 'object' ? choicesOf(part as JsonSchema, [...path, step]) : [];
  if (schema.anyOf !== undefined) return schema.anyOf.flatMap((one) => choicesOf(one, path));
  if (schema.properties !== undefined)
    return Object.entries(schema.properties).flatMap(([name, part]) => below(part, name));
  if (schema.type === 'array') return below(schema.items, '0');
  if (schema.enum !== undefined) return schema.enum.map((value) => ({ path, value }));
  if (schema.const !== undefined) return [{ path, value: schema.const }];
  if (schema.type === 'boolean') return [true, false].map((value) => ({ path, value }));
  return [{ path }];
}

type Tree = Readonly<Record<string, unknown>>;

/** The least spec with this choice made; what was not there comes from the example whole, since its parts need each other. */
function specWith({ path, value }: Choice): VmSpec {
  const put = (base: unknown, from: unknown, [step, ...rest]: readonly string[]): unknown => {
    if (step === undefined) return value ?? from;
    const tree = base ?? from;
    const changed = put((base as Tree | undefined)?.[step], (from as Tree | undefined)?.[step], rest);
    return Array.isArray(tree)
      ? tree.map((item: unknown, index) => (String(index) === step ? changed : item))
      : { ...(tree as Tree), [step]: changed };
  };
  return put(vmSpecSchema.parse(least), example, path) as VmSpec;
}

/** Whether a spec is as this choice wants it without a word. */
function isDefault({ path, value }: Choice): boolean {
  const before = path.reduce<unknown>((tree, step) => (tree as Tree | undefined)?.[step], vmSpecSchema.parse(least));
  return (before ?? false) === value;
}

function domainOf(spec: VmSpec): string {
  return writeDomain({
    vmId,
    name: 'web-1',
    spec,
    mark: {
      fleetId: fleetIdSchema.parse('0199c4e2-0000-7000-8000-00000000000f'),
      vmId,
      generation: { epoch: 1, n: 1 },
      lastOrderId: orderIdSchema.parse('0199c4e2-0000-8000-8000-0000000000cc'),
    },
    accelerator: 'tcg',
    hasPanicDevice: true,
    disks: spec.disks.map(({ name, format }) => ({ name, format, path: `/pool/${volumeName(vmId, name, format)}` })),
  });
}

const choices = [
  ...new Map(
    choicesOf(z.toJSONSchema(vmSpecSchema, { io: 'input', unrepresentable: 'any', reused: 'inline' })).map(
      (choice) => [nameOf(choice), choice] as const,
    ),
  ).values(),
];

/** Whether the code's own table names this field, or what it is part of, when it is asked for. */
function isRefused(choice: Choice): boolean {
  const field = unsupportedField(specWith(choice))?.field;
  return field !== undefined && `/spec/${choice.path.join('/')}/`.startsWith(`${field}/`);
}

describe('the fields of a VM spec', () => {
  it('are each refused by name or honoured, and none is both', () => {
    expect(choices.length).toBeGreaterThan(80);
    expect(choices.filter((choice) => !isRefused(choice)).map(nameOf)).toEqual(Object.keys(honoured));
  });

  it.each(choices.filter((choice) => !isRefused(choice)).map((choice) => [nameOf(choice), choice] as const))(
    '%s: Drover hands it on as the client asked for it',
    (name, choice) => {
      const isSeen = honoured[name] ?? (() => false);
      expect(isSeen(vmSpecSchema.parse(specWith(choice)))).toBe(true);
      expect(isSeen(vmSpecSchema.parse(least))).toBe(isDefault(choice));
    },
  );
});

describe('more vCPUs than a VM may have', () => {
  it('are refused with the limit', () => {
    const spec = vmSpecSchema.parse({ ...least, cpu: { sockets: 2, cores: 128, threads: 1 } });
    expect(unsupportedField(spec)).toMatchObject({
      field: '/spec/cpu',
      detail: expect.stringContaining('256 vCPUs'),
      data: { vcpus: 256, maxVcpus: 255 },
    });
    expect(unsupportedField(vmSpecSchema.parse({ ...least, cpu: { cores: 255 } }))).toBeUndefined();
  });
});
