import type { ClusterStats, HostId, HostResource } from '@drover/contracts';
import type { ReadDatabase } from '@drover/read-models';

type Entities = ReadDatabase['entities'];
type Allocated = HostResource['allocated'];

export const nothingAllocated: Allocated = { vms: 0, running: 0, vcpus: 0, memoryMiB: 0 };

/** What each of the hosts has been given, from the totals: a few rows a host, however many VMs it has. */
export async function allocatedPerHost(em: Entities, ids: readonly HostId[]): Promise<Map<HostId, Allocated>> {
  if (ids.length === 0) return new Map();
  const rows = await em.execute<({ host_id: HostId } & FigureRow)[]>(
    `SELECT host_id, ${figures} FROM vm_total WHERE host_id = ANY(?::uuid[]) GROUP BY host_id`,
    [`{${ids.join(',')}}`],
  );
  return new Map(rows.map((row) => [row.host_id, allocatedIn(row)]));
}

export async function clusterStats(em: Entities): Promise<ClusterStats> {
  const [hosts] = await em.execute<HostFigures[]>(
    `SELECT count(*)::int AS total, count(*) FILTER (WHERE liveness = 'ALIVE')::int AS alive,
       count(*) FILTER (WHERE is_cordoned)::int AS cordoned, coalesce(sum(cpus), 0)::float8 AS cpus,
       coalesce(sum(memory_mib), 0)::float8 AS memory_mib FROM host`,
  );
  const totals = await em.execute<({ observed: string; desired: string } & FigureRow)[]>(
    `SELECT observed, desired, ${figures} FROM vm_total GROUP BY observed, desired`,
  );
  const [open] = await em.execute<{ count: number }[]>(
    `SELECT count(*)::int AS count FROM operation WHERE ended_at IS NULL`,
  );
  const [strays] = await em.execute<{ count: number }[]>(`SELECT count(*)::int AS count FROM stray_vm`);
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

// float8 holds whole numbers to 2^53 and comes back as a number.
const figures = `sum(vms)::float8 AS vms, coalesce(sum(vms) FILTER (WHERE observed = 'RUNNING'), 0)::float8 AS running,
  sum(vcpus)::float8 AS vcpus, sum(memory_mib)::float8 AS memory_mib`;

interface FigureRow {
  readonly vms: number;
  readonly running: number;
  readonly vcpus: number;
  readonly memory_mib: number;
}

interface HostFigures {
  readonly total: number;
  readonly alive: number;
  readonly cordoned: number;
  readonly cpus: number;
  readonly memory_mib: number;
}

function allocatedIn(row: FigureRow): Allocated {
  return { vms: row.vms, running: row.running, vcpus: row.vcpus, memoryMiB: row.memory_mib };
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
