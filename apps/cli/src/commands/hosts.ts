import type { HostResource, VmResource } from '@drover/contracts';
import type { Command } from 'commander';
import type { ApiClient } from '../api.client.js';
import { renderFields, type Column } from '../output/table.js';
import { withNearName } from '../near-names.js';
import { formatDuration, formatMiB } from '../quantities.js';
import { openSession } from '../session.js';
import { addHostActions } from './host-actions.js';

const columns: readonly Column<HostResource>[] = [
  { heading: 'NAME', value: (host) => host.name },
  { heading: 'LIVENESS', value: (host) => (host.shutOut === null ? host.liveness.state : 'SHUT OUT') },
  { heading: 'HYPERVISOR', value: (host) => (host.hypervisorFault === null ? 'ok' : 'NOT HEARD') },
  { heading: 'CORDONED', value: (host) => (host.cordon === null ? undefined : `by ${host.cordon.by}`) },
  { heading: 'ZONE', value: (host) => host.zone ?? undefined },
  { heading: 'ACCEL', value: (host) => host.inventory.accelerator },
  { heading: 'VMS', value: (host) => host.allocated.vms, isNumber: true },
  { heading: 'RUNNING', value: (host) => host.allocated.running, isNumber: true },
  { heading: 'CPUS', value: (host) => `${host.allocated.vcpus}/${host.inventory.cpu.count}`, isNumber: true },
  {
    heading: 'MEMORY',
    value: (host) =>
      `${formatMiB(host.allocated.memoryMiB)}/${formatMiB(host.inventory.memoryMiB - host.inventory.reservedMemoryMiB)}`,
    isNumber: true,
  },
  { heading: 'ID', value: (host) => host.id },
];

export function addHostCommands(program: Command): void {
  const hosts = program
    .command('hosts')
    .alias('host')
    .description('machines that run VMs; HOST may be a name or an id');
  hosts
    .command('list')
    .description('every host: liveness, cordon, what is allocated of what it has')
    .action(async (_given: unknown, command: Command) => {
      const session = openSession(command);
      await session.printPages(session.api.pages<HostResource>('/hosts'), columns);
    });
  hosts
    .command('get <host>')
    .description('one host and what it is made of')
    .action(async (name: string, _given: unknown, command: Command) => {
      const session = openSession(command);
      const host = await withNearName(session.api, name, session.options.project, () =>
        session.api.get<HostResource>(hostPath(name)),
      );
      session.print(host, () => describeHost(host));
    });
  addHostActions(hosts);
  addForgetOrders(hosts);
}

function addForgetOrders(hosts: Command): void {
  hosts
    .command('forget-orders <host> [vm...]')
    .description('make it forget orders that vm-manager never gave, after which it refused true ones as SUPERSEDED')
    .option('--all', 'of every VM that is on the host')
    .action(async (name: string, vms: readonly string[], given: { all?: true }, command: Command) => {
      const session = openSession(command);
      if ((given.all === true) === vms.length > 0) command.error('name the VMs, or say --all');
      const { project } = session.options;
      const host = await session.api.get<HostResource>(hostPath(name));
      const all: { vm: string; project?: string | undefined }[] = vms.map((vm) => ({ vm, project }));
      if (given.all === true) {
        for await (const vm of session.api.items<VmResource>('/vms', { host: host.id })) {
          all.push({ vm: vm.id, project: vm.project });
        }
      }
      for (const { vm, project: of } of all) {
        const answer = await session.api.post<unknown>(
          `${hostPath(host.id)}/vms/${encodeURIComponent(vm)}/forget-orders`,
          {},
          { project: of },
        );
        session.print(answer, () => `${host.name}: of ${vm} it knows no newer order than the store`);
      }
    });
}

/** The id of a host that a person named by name or id. */
export async function resolveHostId(api: ApiClient, name: string): Promise<string> {
  return (await withNearName(api, name, '', () => api.get<HostResource>(hostPath(name)))).id;
}

/** Names by id, so that people read names; a host that is gone keeps its id. */
export async function hostNames(api: ApiClient): Promise<(hostId: string) => string> {
  const names = new Map<string, string>();
  for await (const host of api.items<HostResource>('/hosts', { limit: 1000 })) names.set(host.id, host.name);
  return (hostId) => names.get(hostId) ?? hostId;
}

function hostPath(name: string): string {
  return `/hosts/${encodeURIComponent(name)}`;
}

/** Domains of VMs that are not there: a person has to look at them. */
function describeStrays({ strays = [], straysLeftOut = 0 }: HostResource) {
  const told = strays.map(
    ({ vmId, title, kind, powerState, at }) =>
      [`stray ${vmId}`, `${title}, ${kind}, ${powerState}, since ${at}`] as const,
  );
  return straysLeftOut === 0 ? told : [...told, ['more strays', straysLeftOut] as const];
}

export function describeHost(host: HostResource): string {
  const { inventory } = host;
  const { cpu } = inventory;
  return renderFields([
    ['name', host.name],
    ['id', host.id],
    ['cluster', host.cluster],
    ['liveness', `${host.liveness.state} for ${formatDuration(Date.now() - Date.parse(host.liveness.since))}`],
    [
      'hypervisor fault',
      host.hypervisorFault === null ? undefined : `${host.hypervisorFault.why}, since ${host.hypervisorFault.since}`,
    ],
    ['clone', host.clone === null ? undefined : `a second machine with its id is refused since ${host.clone.since}`],
    ['credentials', host.shutOut === null ? undefined : `revoked at ${host.shutOut.at}`],
    ['cordon', host.cordon === null ? undefined : `by ${host.cordon.by} at ${host.cordon.at}`],
    ['zone', host.zone ?? undefined],
    [
      'labels',
      Object.entries(host.labels)
        .map(([key, value]) => `${key}=${value}`)
        .join(' '),
    ],
    ['hypervisor', `${inventory.hypervisor}, ${inventory.accelerator}, ${inventory.architecture}`],
    [
      'versions',
      `libvirt ${inventory.libvirtVersion ?? '-'}, QEMU ${inventory.qemuVersion ?? '-'}, agent ${host.agent.version}`,
    ],
    ['cpu', `${cpu.model}: ${cpu.sockets} x ${cpu.coresPerSocket} x ${cpu.threadsPerCore}, ${cpu.count} for VMs`],
    ['memory', `${formatMiB(inventory.memoryMiB)}, ${formatMiB(inventory.reservedMemoryMiB)} kept for the host`],
    ['allocated', `${host.allocated.vms} VMs, ${host.allocated.vcpus} vCPUs, ${formatMiB(host.allocated.memoryMiB)}`],
    ...describeStrays(host),
    ...inventory.numa.map(
      (cell) => [`numa ${cell.cell}`, `${cell.cpus.length} CPUs, ${formatMiB(cell.memoryMiB)}`] as const,
    ),
    ...inventory.pools.map(
      (pool) =>
        [
          `pool ${pool.name}`,
          pool.problem === undefined
            ? `${pool.type}, ${formatMiB(pool.availableMiB)} of ${formatMiB(pool.capacityMiB)} free`
            : `cannot be used: ${pool.problem}`,
        ] as const,
    ),
    ['networks', inventory.networks.join(' ')],
    ...inventory.images.map(
      ({ digest = 'not read yet', format, name, virtualSizeMiB }) =>
        [`image ${name}`, `${format}, ${formatMiB(virtualSizeMiB)}, ${digest}`] as const,
    ),
    ...(inventory.refusedImages ?? []).map(({ name, why }) => [`image ${name}`, `refused: ${why}`] as const),
    ['gpus', inventory.gpus.join(' ')],
    ['pci devices', inventory.pciDevices.length],
    ['registered', host.registeredAt],
  ]);
}
