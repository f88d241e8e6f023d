import {
  hostIdSchema,
  vmIdSchema,
  type ClusterStats,
  type HostId,
  type HostListQuery,
  type HostResource,
  type HostShare,
  type OperationId,
  type OperationListQuery,
  type ProjectId,
  type StrayVm,
  type VmId,
  type VmListQuery,
  type HostView,
  type OperationView,
  type VmView,
} from '@drover/contracts';
import type { ReadDatabase } from '@drover/read-models';
import { HOSTS_OF_A_NAME, type FleetReads, type Page } from '../../application/ports/fleet-reads.port.js';
import { HostRow, OperationRow, VmRow } from '../../projections/fleet/fleet-tables.schema.js';
import { decodeCursor, encodeCursor, hostCursor, operationCursor, vmCursor } from './cursor.codec.js';
import { allocatedPerHost, clusterStats, nothingAllocated } from './fleet-figures.js';

const DEFAULT_PAGE = 100;
const MAX_STRAYS = 100;
/** A page ends behind the item that brings it over this. */
const MAX_PAGE_BYTES = 4 * 1024 * 1024;

const vmOfId = { name: 'vm of id', text: 'SELECT view FROM vm WHERE id = $1' };
const vmNamed = {
  name: 'vm named',
  text: 'SELECT view FROM vm WHERE project_id = $1 AND name = $2 AND deleted_at IS NULL LIMIT 1',
};
const operationOfId = { name: 'operation of id', text: 'SELECT view FROM operation WHERE id = $1' };

/**
 * The read model through MikroORM. Every list is one indexed range of rows behind its cursor: its cost follows from the
 * page, not from the size of the fleet.
 */
export class SqlFleetReads implements FleetReads {
  readonly #database: ReadDatabase;

  constructor(database: ReadDatabase) {
    this.#database = database;
  }

  async findVm(project: ProjectId, nameOrId: string): Promise<VmView | undefined> {
    const [row] = vmIdSchema.safeParse(nameOrId).success
      ? await this.#database.rows<{ view: VmView }>(vmOfId, [nameOrId])
      : await this.#database.rows<{ view: VmView }>(vmNamed, [project, nameOrId]);
    return row?.view;
  }

  findVmNamedAt(project: ProjectId, name: string, moment: string): Promise<VmId | undefined> {
    const at = new Date(moment);
    return this.#newestNamed(project, name, {
      createdAt: { $lte: at },
      $or: [{ deletedAt: null }, { deletedAt: { $gt: at } }],
    });
  }

  findVmLastNamed(project: ProjectId, name: string): Promise<VmId | undefined> {
    return this.#newestNamed(project, name, {});
  }

  async #newestNamed(project: ProjectId, name: string, where: object): Promise<VmId | undefined> {
    const [row] = await this.#database.reading((em) =>
      em
        .createQueryBuilder(VmRow)
        .select('id')
        .where({ projectId: project, name, ...where })
        .orderBy({ createdAt: 'desc' })
        .limit(1)
        .execute<{ id: VmId }[]>('all'),
    );
    return row?.id;
  }

  async listVms(query: VmListQuery): Promise<Page<VmView>> {
    const { project, name, host, observed, desired, labels, after, limit = DEFAULT_PAGE } = query;
    const where = {
      deletedAt: null,
      ...(project === undefined ? {} : { projectId: project }),
      ...(name === undefined ? {} : { name }),
      ...(host === undefined ? {} : { hostId: host }),
      ...(observed === undefined ? {} : { observed }),
      ...(desired === undefined ? {} : { desired }),
    };
    const key = after === undefined ? undefined : decodeCursor(after, vmCursor);
    const rows = await this.#database.reading((em) => {
      const [driving] = labels ?? [];
      if (driving !== undefined) return fitting<VmView>(em, labelledVms(where, labels ?? [], key, limit + 1));
      const rows = em
        .createQueryBuilder(VmRow)
        .select(['view', 'viewBytes'])
        .where(where)
        .orderBy({ projectId: 'asc', name: 'asc', id: 'asc' })
        .limit(limit + 1);
      if (key !== undefined) rows.andWhere('(project_id, name, id) > (?, ?, ?)', key);
      return fitting<VmView>(em, rows.toQuery());
    });
    return page(rows, limit, ({ project, name, id }) => [project, name, id]);
  }

  async findHosts(nameOrId: string): Promise<readonly HostResource[]> {
    const where = hostIdSchema.safeParse(nameOrId).success ? { id: nameOrId } : { name: nameOrId };
    return this.#database.reading(async (em) => {
      const rows = await em
        .createQueryBuilder(HostRow)
        .select('view')
        .where(where)
        .orderBy({ id: 'asc' })
        .limit(HOSTS_OF_A_NAME)
        .execute<{ view: HostView }[]>('all');
      const hosts = await withAllocated(
        em,
        rows.map((row) => row.view),
      );
      const [host, ...others] = hosts;
      if (host === undefined || others.length > 0) return hosts;
      return [{ ...host, strays: await straysOn(em, host.id) }];
    });
  }

  async listHosts(query: HostListQuery): Promise<Page<HostResource>> {
    const { name, zone, liveness, after, limit = DEFAULT_PAGE } = query;
    const where = {
      ...(name === undefined ? {} : { name }),
      ...(zone === undefined ? {} : { zone }),
      ...(liveness === undefined ? {} : { liveness }),
    };
    return this.#database.reading(async (em) => {
      const rows = em
        .createQueryBuilder(HostRow)
        .select(['view', 'viewBytes'])
        .where(where)
        .orderBy({ name: 'asc', id: 'asc' });
      if (after !== undefined) {
        rows.andWhere('(name, id) > (SELECT name, id FROM host WHERE id = ?)', decodeCursor(after, hostCursor));
      }
      const found = await fitting<HostView>(em, rows.limit(limit + 1).toQuery());
      const { items, ...rest } = page(found, limit, (host) => [host.id]);
      return { items: await withAllocated(em, items), ...rest };
    });
  }

  async findOperation(id: OperationId): Promise<OperationView | undefined> {
    const [row] = await this.#database.rows<{ view: OperationView }>(operationOfId, [id]);
    return row?.view;
  }

  async listOperations(query: OperationListQuery): Promise<Page<OperationView>> {
    const { project, vm, kind, state, open, after, limit = DEFAULT_PAGE } = query;
    const where = {
      ...(project === undefined ? {} : { projectId: project }),
      ...(vm === undefined ? {} : { vmId: vm }),
      ...(kind === undefined ? {} : { kind }),
      ...(state === undefined ? {} : { state }),
      ...(open === undefined ? {} : { endedAt: open ? null : { $ne: null } }),
    };
    const rows = await this.#database.reading((em) => {
      const rows = em
        .createQueryBuilder(OperationRow)
        .select(['view', 'viewBytes'])
        .where(where)
        .orderBy({ beganAt: 'desc', id: 'desc' })
        .limit(limit + 1);
      if (after !== undefined) {
        rows.andWhere('(began_at, id) < (?::timestamptz, ?)', decodeCursor(after, operationCursor));
      }
      return fitting<OperationView>(em, rows.toQuery());
    });
    return page(rows, limit, ({ beganAt, id }) => [beganAt, id]);
  }

  stats(): Promise<ClusterStats> {
    return this.#database.reading(clusterStats);
  }

  async distribution(query: Pick<HostListQuery, 'after' | 'limit'>): Promise<Page<HostShare>> {
    const { items, ...rest } = await this.listHosts(query);
    return { items: items.map(shareOf), ...rest };
  }
}

type Entities = ReadDatabase['entities'];

/** The first label gives the rows in order; the others, and all other filters, are looked at row by row. */
function labelledVms(
  where: Readonly<Record<string, string | null>>,
  labels: readonly (readonly [key: string, value: string])[],
  after: readonly string[] | undefined,
  limit: number,
): Rows {
  const columns: Readonly<Record<string, string>> = { projectId: 'project_id', hostId: 'host_id' };
  const conditions = Object.entries(where).map(([name, value]) =>
    value === null ? 'vm.deleted_at IS NULL' : `vm.${columns[name] ?? name} = ?`,
  );
  const values = Object.values(where).filter((value) => value !== null);
  const sql = `SELECT vm.view, vm.view_bytes FROM vm_label label JOIN vm ON vm.id = label.vm_id
     WHERE label.key = ? AND label.value = ? AND vm.labels @> ?::jsonb AND ${conditions.join(' AND ')}
       ${after === undefined ? '' : 'AND (label.project_id, label.name, label.vm_id) > (?, ?, ?)'}
     ORDER BY label.project_id, label.name, label.vm_id LIMIT ?`;
  const asked = [...(labels[0] ?? []), JSON.stringify(Object.fromEntries(labels))];
  return { sql, params: [...asked, ...values, ...(after ?? []), limit] };
}

async function straysOn(em: Entities, hostId: HostId): Promise<StrayVm[]> {
  const rows = await em.execute<{ view: StrayVm }[]>(
    `SELECT view FROM stray_vm WHERE host_id = ? ORDER BY at DESC, vm_id LIMIT ${MAX_STRAYS}`,
    [hostId],
  );
  return rows.map((row) => row.view);
}

async function withAllocated(em: Entities, hosts: readonly HostView[]): Promise<HostResource[]> {
  const allocated = await allocatedPerHost(
    em,
    hosts.map((host) => host.id),
  );
  return hosts.map((host) => ({ ...host, allocated: allocated.get(host.id) ?? nothingAllocated }));
}

function shareOf(host: HostResource): HostShare {
  const { inventory } = host;
  return {
    hostId: host.id,
    name: host.name,
    zone: host.zone,
    liveness: host.liveness.state,
    isCordoned: host.cordon !== null,
    allocated: host.allocated,
    capacity: {
      cpus: inventory.cpu.count,
      memoryMiB: Math.max(0, inventory.memoryMiB - inventory.reservedMemoryMiB),
    },
  };
}

interface Rows {
  readonly sql: string;
  readonly params: readonly unknown[];
}

interface FittingRow<View> {
  readonly view: View;
  /** How many rows there were before the page was cut. */
  readonly found: number;
}

/** The first of these rows that fit one answer, and at least one: what is beyond is not even read. */
async function fitting<View>(em: Entities, { sql, params }: Rows): Promise<FittingRow<View>[]> {
  return em.execute<FittingRow<View>[]>(
    `SELECT view, found::int AS found FROM (
       SELECT view, count(*) OVER () AS found,
         sum(view_bytes) OVER (ROWS UNBOUNDED PRECEDING) - view_bytes AS bytes_before
       FROM (${sql}) AS rows
     ) AS measured WHERE bytes_before < ${MAX_PAGE_BYTES}`,
    [...params],
  );
}

function page<View>(
  rows: readonly FittingRow<View>[],
  limit: number,
  keyOf: (view: View) => readonly string[],
): Page<View> {
  const items = rows.slice(0, limit).map((row) => row.view);
  const last = items.at(-1);
  if (last === undefined || (rows[0]?.found ?? 0) <= items.length) return { items };
  return { items, next: encodeCursor(keyOf(last)) };
}
