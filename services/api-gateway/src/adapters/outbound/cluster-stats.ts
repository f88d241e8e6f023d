import type { ClusterStats } from '@drover/contracts';
import type { Sql } from '@drover/read-models';
import { allocatedIn, figures, nothingAllocated, type FigureRow } from '../../projections/vm/vm-totals.js';

type Allocated = ClusterStats['allocated'];

/** Figures of the whole fleet, from a few rows a host. */
export async function clusterStats(sql: Sql): Promise<ClusterStats> {
  const [hosts] = await sql.query<HostFigures>(
    `SELECT count(*)::int AS total, count(*) FILTER (WHERE liveness = 'ALIVE')::int AS alive,
       count(*) FILTER (WHERE is_cordoned)::int AS cordoned, coalesce(sum(cpus), 0)::float8 AS cpus,
       coalesce(sum(memory_mib), 0)::float8 AS memory_mib FROM host`,
  );
  const totals = await sql.query<{ observed: string; desired: string } & FigureRow>(
    `SELECT observed, desired, ${figures} FROM vm_total GROUP BY observed, desired`,
  );
  const [open] = await sql.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM operation WHERE ended_at IS NULL`,
  );
  const [strays] = await sql.query<{ count: number }>(`SELECT coalesce(sum(count), 0)::int AS count FROM strays`);
  const { total = 0, alive = 0, cordoned = 0, cpus = 0, memory_mib = 0 } = hosts ?? {};
  const allocated = totals.map(allocatedIn).reduce(added, nothingAllocated);
  return {
    hosts: { total, alive, suspected: total - alive, cordoned },
    vms: {
      total: allocated.vms,
      observed: countedBy(totals, (row) => row.observed),
      desired: countedBy(totals, (row) => row.desired),
      strays: strays?.count ?? 0,
    },
    allocated,
    capacity: { cpus, memoryMiB: memory_mib },
    operations: { open: open?.count ?? 0 },
  };
}

interface HostFigures {
  readonly total: number;
  readonly alive: number;
  readonly cordoned: number;
  readonly cpus: number;
  readonly memory_mib: number;
}

function added(a: Allocated, b: Allocated): Allocated {
  return {
    vms: a.vms + b.vms,
    running: a.running + b.running,
    vcpus: a.vcpus + b.vcpus,
    memoryMiB: a.memoryMiB + b.memoryMiB,
  };
}

function countedBy<Row extends FigureRow>(rows: readonly Row[], key: (row: Row) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const row of rows) counts[key(row)] = (counts[key(row)] ?? 0) + row.vms;
  return counts;
}
