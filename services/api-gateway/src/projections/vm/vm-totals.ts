import { vcpuCount, type HostId, type HostResource, type VmView } from '@drover/contracts';
import { prepared, type Sql } from '@drover/read-models';
import { jsonParameter } from '../resource/json-parameter.js';
import type { Folded } from '../resource/resource.js';

const NO_HOST = '00000000-0000-0000-0000-000000000000';

/** Observed state of a VM that no host has reported on. */
export const UNKNOWN = 'UNKNOWN';

/**
 * Kept by adding differences in the transaction that changes the VMs, so that figures cost nothing per VM. The nil UUID
 * stands for no host.
 */
export const totalStatements = [
  `CREATE TABLE vm_total (
    project_id text COLLATE "C" NOT NULL,
    host_id uuid NOT NULL,
    desired text NOT NULL,
    observed text NOT NULL,
    vms bigint NOT NULL,
    vcpus bigint NOT NULL,
    memory_mib bigint NOT NULL,
    PRIMARY KEY (host_id, project_id, desired, observed)
  )`,
];

/** What the row of `vm_total` with this key changes by. */
interface TotalChange {
  readonly project_id: string;
  readonly host_id: string;
  readonly desired: string;
  readonly observed: string;
  vms: number;
  vcpus: number;
  memory_mib: number;
}

/** A row that comes to no VMs goes. */
const addTotals = prepared(
  `MERGE INTO vm_total AS t
   USING json_to_recordset($1::json) AS change (project_id text, host_id uuid, desired text, observed text,
     vms bigint, vcpus bigint, memory_mib bigint)
   ON t.host_id = change.host_id AND t.project_id = change.project_id AND t.desired = change.desired
     AND t.observed = change.observed
   WHEN MATCHED AND t.vms + change.vms = 0 THEN DELETE
   WHEN MATCHED THEN UPDATE SET vms = t.vms + change.vms, vcpus = t.vcpus + change.vcpus,
     memory_mib = t.memory_mib + change.memory_mib
   WHEN NOT MATCHED THEN INSERT (project_id, host_id, desired, observed, vms, vcpus, memory_mib)
     VALUES (change.project_id, change.host_id, change.desired, change.observed, change.vms, change.vcpus, change.memory_mib)`,
);

export async function saveTotals(sql: Sql, folded: Folded<VmView>): Promise<void> {
  const changes = totalChanges(folded);
  if (changes.length === 0) return;
  await sql.query(addTotals, [jsonParameter(changes)]);
}

/** The keys that really change. Deleted VMs count nowhere. */
function totalChanges({ before, after }: Folded<VmView>): readonly TotalChange[] {
  const changes = new Map<string, TotalChange>();
  for (const vm of before.values()) count(changes, vm, -1);
  for (const vm of after.values()) count(changes, vm, 1);
  return [...changes.values()].filter(({ vms, vcpus, memory_mib }) => vms !== 0 || vcpus !== 0 || memory_mib !== 0);
}

function count(changes: Map<string, TotalChange>, vm: VmView, sign: 1 | -1): void {
  if (vm.deletedAt !== null) return;
  const key = {
    project_id: vm.project,
    host_id: vm.placement?.hostId ?? NO_HOST,
    desired: vm.desired.powerState,
    observed: vm.observed?.powerState ?? UNKNOWN,
  };
  const text = JSON.stringify(key);
  const change = changes.get(text) ?? { ...key, vms: 0, vcpus: 0, memory_mib: 0 };
  change.vms += sign;
  change.vcpus += sign * vcpuCount(vm.spec.cpu);
  change.memory_mib += sign * vm.spec.memory.sizeMiB;
  changes.set(text, change);
}

type Allocated = HostResource['allocated'];

export const nothingAllocated: Allocated = { vms: 0, running: 0, vcpus: 0, memoryMiB: 0 };

// float8 holds whole numbers to 2^53 and comes back as a number.
export const figures = `sum(vms)::float8 AS vms, coalesce(sum(vms) FILTER (WHERE observed = 'RUNNING'), 0)::float8 AS running,
  sum(vcpus)::float8 AS vcpus, sum(memory_mib)::float8 AS memory_mib`;

export interface FigureRow {
  readonly vms: number;
  readonly running: number;
  readonly vcpus: number;
  readonly memory_mib: number;
}

export function allocatedIn(row: FigureRow): Allocated {
  return { vms: row.vms, running: row.running, vcpus: row.vcpus, memoryMiB: row.memory_mib };
}

/** What each of the hosts has been given, from the totals: a few rows a host, however many VMs it has. */
export async function allocatedPerHost(sql: Sql, ids: readonly HostId[]): Promise<Map<HostId, Allocated>> {
  if (ids.length === 0) return new Map();
  const rows = await sql.query<{ host_id: HostId } & FigureRow>(
    `SELECT host_id, ${figures} FROM vm_total WHERE host_id = ANY($1::uuid[]) GROUP BY host_id`,
    [ids],
  );
  return new Map(rows.map((row) => [row.host_id, allocatedIn(row)]));
}

/** The same, counted from VMs. */
export function allocatedBy(vms: readonly VmView[]): Allocated {
  return {
    vms: vms.length,
    running: vms.filter((vm) => vm.observed?.powerState === 'RUNNING').length,
    vcpus: vms.reduce((sum, vm) => sum + vcpuCount(vm.spec.cpu), 0),
    memoryMiB: vms.reduce((sum, vm) => sum + vm.spec.memory.sizeMiB, 0),
  };
}
