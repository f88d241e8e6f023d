import {
  hostKind,
  isKnownEvent,
  kindOfStream,
  newestVersion,
  streamSubjectId,
  vmKind,
  type StoredEvent,
  type HostView,
  type OperationView,
  type VmView,
  type ReadModelName,
} from '@drover/contracts';
import type { NotShown, Projected, Projection, SqlTransaction } from '@drover/read-models';
import { fleetEntities } from './fleet-tables.schema.js';
import { emptyFold, fold, strayOfKey, touchedBy, type FleetFold, type TouchedIds } from './fleet.fold.js';
import { FleetMigration } from './fleet.migration.js';
import { jsonParameter } from './json-parameter.js';
import { UNKNOWN, VmTotalChanges } from './vm-totals.js';

const SHOWN_KINDS = [vmKind, hostKind];

/** Raised by hand where the same events are shown otherwise. What is known of events counts by itself. */
const REVISION = 1;

function versionsKnown(): number {
  const types = SHOWN_KINDS.flatMap(({ events }) => Object.keys(events));
  return types.reduce((sum, type) => sum + newestVersion(type), 0);
}

/**
 * The fleet as the API shows it: VMs, operations, hosts and figures.
 *
 * A batch is one read of the rows it touches, a fold in memory, and one set-based write per table.
 */
export const fleetProjection: Projection = {
  name: 'drover_fleet' satisfies ReadModelName,
  version: REVISION * 1000 + versionsKnown(),
  entities: fleetEntities,
  migrations: [{ name: '0001-fleet', class: FleetMigration }],
  isUnknown: (event) => SHOWN_KINDS.some(({ name }) => name === kindOfStream(event.stream)) && !isKnownEvent(event),
  async mark(sql: SqlTransaction, { stream, since, reason }: NotShown): Promise<void> {
    const table = kindOfStream(stream) === hostKind.name ? 'host' : 'vm';
    await sql.query(
      `UPDATE ${table} SET view = (view::jsonb || jsonb_build_object('notShown', $2::jsonb))::json WHERE id::text = $1`,
      [streamSubjectId(stream), JSON.stringify({ since, reason })],
    );
  },
  async apply(sql: SqlTransaction, events: readonly StoredEvent[]): Promise<Projected> {
    const known = events.filter(isKnownEvent);
    const before = await load(sql, touchedBy(known));
    const after: FleetFold = {
      vms: new Map(before.vms),
      operations: new Map(before.operations),
      hosts: new Map(before.hosts),
      strays: new Map(),
    };
    for (const event of known) fold(after, event);
    await saveVms(sql, before, after);
    await saveOperations(sql, after);
    await saveHosts(sql, after);
    await saveStrays(sql, after);
    return { skipped: events.length - known.length };
  },
};

async function load(sql: SqlTransaction, ids: TouchedIds): Promise<FleetFold> {
  const rows = emptyFold();
  for (const vm of await views<VmView>(sql, 'vm', ids.vms)) rows.vms.set(vm.id, vm);
  for (const one of await views<OperationView>(sql, 'operation', ids.operations)) rows.operations.set(one.id, one);
  for (const host of await views<HostView>(sql, 'host', ids.hosts)) rows.hosts.set(host.id, host);
  return rows;
}

async function views<View>(sql: SqlTransaction, table: string, ids: ReadonlySet<string>): Promise<View[]> {
  if (ids.size === 0) return [];
  const rows = await sql.query<{ view: View }>(`SELECT view FROM ${table} WHERE id = ANY($1::uuid[])`, [[...ids]]);
  return rows.map((row) => row.view);
}

async function saveVms(sql: SqlTransaction, before: FleetFold, { vms }: FleetFold): Promise<void> {
  if (vms.size === 0) return;
  const totals = new VmTotalChanges();
  const rows = [...vms.values()].map((vm) => {
    totals.add(before.vms.get(vm.id), vm);
    return {
      id: vm.id,
      project_id: vm.project,
      name: vm.name,
      labels: vm.spec.labels,
      host_id: vm.placement?.hostId,
      desired: vm.desired.powerState,
      observed: vm.observed?.powerState ?? UNKNOWN,
      created_at: vm.createdAt,
      deleted_at: vm.deletedAt,
      view: vm,
    };
  });
  await sql.query(
    `INSERT INTO vm (id, project_id, name, labels, host_id, desired, observed, created_at, deleted_at, view)
     SELECT * FROM json_to_recordset($1::json) AS row (id uuid, project_id text, name text, labels jsonb, host_id uuid,
       desired text, observed text, created_at timestamptz, deleted_at timestamptz, view json)
     ON CONFLICT (id) DO UPDATE SET labels = excluded.labels, host_id = excluded.host_id, desired = excluded.desired,
       observed = excluded.observed, deleted_at = excluded.deleted_at, view = excluded.view`,
    [jsonParameter(rows)],
  );
  await saveLabels(sql, before, vms);
  const changes = totals.list();
  if (changes.length === 0) return;
  await sql.query(
    `INSERT INTO vm_total (project_id, host_id, desired, observed, vms, vcpus, memory_mib)
     SELECT * FROM json_to_recordset($1::json) AS row (project_id text, host_id uuid, desired text, observed text,
       vms bigint, vcpus bigint, memory_mib bigint)
     ON CONFLICT (host_id, project_id, desired, observed) DO UPDATE SET vms = vm_total.vms + excluded.vms,
       vcpus = vm_total.vcpus + excluded.vcpus, memory_mib = vm_total.memory_mib + excluded.memory_mib`,
    [jsonParameter(changes)],
  );
  if (changes.some((change) => change.vms < 0)) await sql.query('DELETE FROM vm_total WHERE vms = 0');
}

async function saveLabels(sql: SqlTransaction, before: FleetFold, vms: FleetFold['vms']): Promise<void> {
  const wasThere = (vm: VmView) => before.vms.get(vm.id)?.deletedAt === null;
  const gone = [...vms.values()].filter((vm) => wasThere(vm) && vm.deletedAt !== null);
  const come = [...vms.values()].filter((vm) => !wasThere(vm) && vm.deletedAt === null);
  if (gone.length > 0) {
    await sql.query('DELETE FROM vm_label WHERE vm_id = ANY($1::uuid[])', [gone.map((vm) => vm.id)]);
  }
  const labels = come.flatMap((vm) =>
    Object.entries(vm.spec.labels).map(([key, value]) => ({
      key,
      value,
      project_id: vm.project,
      name: vm.name,
      vm_id: vm.id,
    })),
  );
  if (labels.length === 0) return;
  await sql.query(
    `INSERT INTO vm_label (key, value, project_id, name, vm_id)
     SELECT * FROM json_to_recordset($1::json) AS row (key text, value text, project_id text, name text, vm_id uuid)`,
    [jsonParameter(labels)],
  );
}

async function saveOperations(sql: SqlTransaction, { operations }: FleetFold): Promise<void> {
  if (operations.size === 0) return;
  const rows = [...operations.values()].map((operation) => ({
    id: operation.id,
    kind: operation.kind,
    state: operation.state,
    vm_id: operation.vm.id,
    project_id: operation.project,
    began_at: operation.beganAt,
    ended_at: operation.endedAt,
    view: operation,
  }));
  await sql.query(
    `INSERT INTO operation (id, kind, state, vm_id, project_id, began_at, ended_at, view)
     SELECT * FROM json_to_recordset($1::json) AS row (id uuid, kind text, state text, vm_id uuid, project_id text,
       began_at timestamptz, ended_at timestamptz, view json)
     ON CONFLICT (id) DO UPDATE SET state = excluded.state, began_at = excluded.began_at, ended_at = excluded.ended_at,
       view = excluded.view`,
    [jsonParameter(rows)],
  );
}

async function saveHosts(sql: SqlTransaction, { hosts }: FleetFold): Promise<void> {
  if (hosts.size === 0) return;
  const rows = [...hosts.values()].map((host) => ({
    id: host.id,
    name: host.name,
    zone: host.zone,
    liveness: host.liveness.state,
    is_cordoned: host.cordon !== null,
    cpus: host.inventory.cpu.count,
    memory_mib: Math.max(0, host.inventory.memoryMiB - host.inventory.reservedMemoryMiB),
    view: host,
  }));
  await sql.query(
    `INSERT INTO host (id, name, zone, liveness, is_cordoned, cpus, memory_mib, view)
     SELECT * FROM json_to_recordset($1::json) AS row (id uuid, name text, zone text, liveness text, is_cordoned boolean,
       cpus bigint, memory_mib bigint, view json)
     ON CONFLICT (id) DO UPDATE SET name = excluded.name, zone = excluded.zone, liveness = excluded.liveness,
       is_cordoned = excluded.is_cordoned, cpus = excluded.cpus, memory_mib = excluded.memory_mib, view = excluded.view`,
    [jsonParameter(rows)],
  );
}

async function saveStrays(sql: SqlTransaction, { strays }: FleetFold): Promise<void> {
  if (strays.size === 0) return;
  const settled = [...strays].flatMap(([key, stray]) => (stray === null ? [strayOfKey(key)] : []));
  const found = [...strays.values()].filter((stray) => stray !== null);
  if (settled.length > 0) {
    await sql.query(
      `DELETE FROM stray_vm WHERE (host_id, vm_id, kind) IN (SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[]))`,
      [settled.map(({ hostId }) => hostId), settled.map(({ vmId }) => vmId), settled.map(({ kind }) => kind)],
    );
  }
  if (found.length === 0) return;
  await sql.query(
    `INSERT INTO stray_vm (vm_id, host_id, kind, at, view)
     SELECT vm_id, host_id, kind, at, view FROM json_to_recordset($1::json) AS row (vm_id uuid, host_id uuid, kind text,
       at timestamptz, view json)
     ON CONFLICT (host_id, vm_id, kind) DO UPDATE SET at = excluded.at, view = excluded.view`,
    [
      jsonParameter(
        found.map((stray) => ({
          vm_id: stray.vmId,
          host_id: stray.hostId,
          kind: stray.kind,
          at: stray.at,
          view: stray,
        })),
      ),
    ],
  );
}
