import type { ClusterStats, HostShare, RebuildStatus } from '@drover/contracts';
import type { Command } from 'commander';
import { exitStatus } from '../exit-status.js';
import { renderFields, renderTable, type Column } from '../output/table.js';
import { formatMiB } from '../quantities.js';
import { openSession } from '../session.js';

const POLL_MS = 250;

export function addClusterCommands(program: Command): void {
  const cluster = program.command('cluster').description('the whole of it');
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
    .command('rebuild')
    .description('drop the read model and build it again from the event store; reads go on meanwhile')
    .action(async (_given: unknown, command: Command) => {
      const session = openSession(command);
      let status = await session.api.post<RebuildStatus>('/admin/rebuild');
      while (status.state === 'RUNNING') {
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
        status = await session.api.get<RebuildStatus>('/admin/rebuild');
      }
      session.print(status, () => `read model rebuilt: ${status.state.toLowerCase()}, ${status.projected} events`);
      if (status.state !== 'SUCCEEDED') process.exitCode = exitStatus.operationFailed;
    });
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
