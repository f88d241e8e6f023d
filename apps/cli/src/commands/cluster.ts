import type { ClusterStats, HostShare, ModelStatus, RebuildStatus } from '@drover/contracts';
import type { Command } from 'commander';
import { exitStatus } from '../exit-status.js';
import { renderFields, renderTable, type Column } from '../output/table.js';
import { formatMiB } from '../quantities.js';
import { openSession, type Session } from '../session.js';

const POLL_MS = 250;

export function addClusterCommands(program: Command): void {
  const cluster = program.command('cluster').description('figures of all hosts and VMs');
  cluster
    .command('stats')
    .description('hosts, VMs, what is allocated of what there is')
    .action(async (_given: unknown, command: Command) => {
      const session = openSession(command);
      const stats = await session.api.get<ClusterStats>('/cluster/stats');
      session.print(stats, () => describeStats(stats));
    });
  cluster
    .command('distribution')
    .description('how VMs and memory are spread over the hosts')
    .action(async (_given: unknown, command: Command) => {
      const session = openSession(command);
      const rows: HostShare[] = [];
      for await (const share of session.api.items<HostShare>('/cluster/distribution')) rows.push(share);
      session.print(rows, () => renderTable(shareColumns, rows));
    });
}

export function addAdminCommands(program: Command): void {
  const admin = program.command('admin').description('upkeep of the installation');
  admin
    .command('models')
    .description('the models that the API reads, one for each kind of resource, and how far each is')
    .action(async (_given: unknown, command: Command) => {
      const session = openSession(command);
      const { items } = await session.api.get<{ items: readonly ModelStatus[] }>('/admin/models');
      session.print(items, () => renderTable(modelColumns, items));
    });
  admin
    .command('rebuild [model]')
    .description('build a model again from the event store, or all, one after the other; reads go on meanwhile')
    .action(async (model: string | undefined, _given: unknown, command: Command) => {
      const session = openSession(command);
      const statuses: RebuildStatus[] = [];
      for (const name of model === undefined ? await modelNames(session) : [model]) {
        statuses.push(await rebuild(session, name));
      }
      session.print(statuses, () => statuses.map(rebuildSentence).join('\n'));
      if (statuses.some(({ state }) => state !== 'SUCCEEDED')) process.exitCode = exitStatus.operationFailed;
    });
}

const modelColumns: readonly Column<ModelStatus>[] = [
  { heading: 'MODEL', value: (row) => row.name },
  { heading: 'POSITION', value: (row) => row.position ?? undefined },
  { heading: 'EVENTS', value: (row) => row.projected },
  { heading: 'NOT SHOWN', value: (row) => row.notShown },
  { heading: 'STATE', value: (row) => row.failure ?? row.outdated ?? 'well' },
  { heading: 'REBUILD', value: (row) => row.rebuild.state.toLowerCase() },
];

async function modelNames(session: Session): Promise<readonly string[]> {
  const { items } = await session.api.get<{ items: readonly ModelStatus[] }>('/admin/models');
  return items.map(({ name }) => name);
}

async function rebuild(session: Session, model: string): Promise<RebuildStatus> {
  const path = `/admin/models/${encodeURIComponent(model)}`;
  let status = await session.api.post<RebuildStatus>(`${path}/rebuild`);
  while (status.state === 'RUNNING') {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    status = (await session.api.get<ModelStatus>(path)).rebuild;
  }
  return status;
}

function rebuildSentence({ model, state, projected, detail }: RebuildStatus): string {
  return `model ${model}: ${state.toLowerCase()}, ${projected} events${detail === undefined ? '' : `; ${detail}`}`;
}

function describeStats(stats: ClusterStats): string {
  const counts = (record: Readonly<Record<string, number>>) =>
    Object.entries(record)
      .map(([state, count]) => `${count} ${state}`)
      .join(', ');
  const { hosts, vms, allocated, capacity } = stats;
  return renderFields([
    ['hosts', `${hosts.total}: ${hosts.alive} alive, ${hosts.suspected} suspected, ${hosts.cordoned} cordoned`],
    ['vms', vms.total],
    ['observed', counts(vms.observed)],
    ['desired', counts(vms.desired)],
    ['vcpus', `${allocated.vcpus} on ${capacity.cpus} CPUs`],
    ['memory', `${formatMiB(allocated.memoryMiB)} of ${formatMiB(capacity.memoryMiB)}`],
    ['open operations', stats.operations.open],
  ]);
}

const BAR_WIDTH = 20;

const shareColumns: readonly Column<HostShare>[] = [
  { heading: 'HOST', value: (share) => share.name },
  { heading: 'LIVENESS', value: (share) => share.liveness },
  { heading: 'VMS', value: (share) => share.allocated.vms, isNumber: true },
  { heading: 'MEMORY', value: (share) => formatMiB(share.allocated.memoryMiB), isNumber: true },
  {
    heading: '',
    value: (share) => {
      const filled = Math.min(1, share.allocated.memoryMiB / Math.max(1, share.capacity.memoryMiB)) * BAR_WIDTH;
      return '#'.repeat(Math.round(filled)).padEnd(BAR_WIDTH, '.');
    },
  },
];
