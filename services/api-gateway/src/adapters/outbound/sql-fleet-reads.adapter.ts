import { subjectIdSchema, type ClusterStats, type ProjectId, type VmId } from '@drover/contracts';
import { prepared, type ReadDatabase, type Sql } from '@drover/read-models';
import type { FleetReads } from '../../application/ports/fleet-reads.port.js';
import { NAMESAKES, type ResourceKey, type ResourceReads } from '../../application/ports/resource-reads.port.js';
import type { AnyResource, View } from '../../projections/resource/resource.js';
import { clusterStats } from './cluster-stats.js';
import { FindsTogether } from './finds-together.js';
import { sqlPage } from './sql-page.js';

/** The read model in PostgreSQL. */
export class SqlFleetReads implements FleetReads {
  readonly #database: ReadDatabase;
  readonly #reads: ReadonlyMap<string, ResourceReads<unknown, object>>;

  constructor(database: ReadDatabase, resources: readonly AnyResource[]) {
    this.#database = database;
    this.#reads = new Map(resources.map((resource) => [resource.key.name, readsOf(database, resource)]));
  }

  of<Shown, Query>({ name }: ResourceKey<Shown, Query>): ResourceReads<Shown, Query> {
    const reads = this.#reads.get(name);
    if (reads === undefined) throw new Error(`there is no resource ${name}`);
    return reads as ResourceReads<Shown, Query>;
  }

  async findVmNamedAt(project: ProjectId, name: string, moment: string): Promise<VmId | undefined> {
    return this.#newestNamed(project, name, new Date(moment));
  }

  async findVmLastNamed(project: ProjectId, name: string): Promise<VmId | undefined> {
    return this.#newestNamed(project, name, null);
  }

  async #newestNamed(project: ProjectId, name: string, at: Date | null): Promise<VmId | undefined> {
    const [row] = await this.#database.reading((sql) =>
      sql.query<{ id: VmId }>(
        `SELECT id FROM vm WHERE project_id = $1 AND name = $2 AND ($3::timestamptz IS NULL OR
           (created_at <= $3 AND (deleted_at IS NULL OR deleted_at > $3)))
         ORDER BY created_at DESC LIMIT 1`,
        [project, name, at],
      ),
    );
    return row?.id;
  }

  stats(): Promise<ClusterStats> {
    return this.#database.reading(clusterStats);
  }
}

/** What a resource's declaration says, in SQL. */
function readsOf(database: ReadDatabase, resource: AnyResource): ResourceReads<unknown, object> {
  const { key, named, listed } = resource;
  const ofIds = prepared(`SELECT view FROM ${key.name} WHERE id = ANY($1::uuid[])`);
  const shown = async (sql: Sql, views: readonly View[]) => resource.complete?.sql(sql, views) ?? views;
  const finds = new FindsTogether<unknown>((ids) =>
    database.reading(async (sql) => {
      const rows = await sql.query<{ view: View }>(ofIds, [ids]);
      const views = rows.map((row) => row.view);
      const all = await shown(sql, views);
      return new Map(views.map(({ id }, index) => [id, all[index]]));
    }),
  );
  return {
    find: async (id) => (subjectIdSchema.safeParse(id).success ? finds.find(id) : undefined),
    named: (name, project) =>
      database.reading(async (sql) => {
        if (named === undefined) return [];
        const { column, within } = named;
        const values = within === undefined ? [name] : [name, project];
        const text = `SELECT view FROM ${key.name} AS t WHERE t.${column} = $1 ${within === undefined ? '' : `AND t.${within} = $2`}
             ${listed === undefined ? '' : `AND ${listed.sql}`} ORDER BY t.id LIMIT ${NAMESAKES}`;
        const rows = await sql.query<{ view: View }>(prepared(text), values);
        return shown(
          sql,
          rows.map((row) => row.view),
        );
      }),
    list: (query) =>
      database.reading(async (sql) => {
        const { items, ...rest } = await sqlPage<View>(sql, resource, query);
        return { items: await shown(sql, items), ...rest };
      }),
  };
}
