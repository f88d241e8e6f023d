import { newestVersion, readModelOf, streamKinds, streamSubjectId } from '@drover/contracts';
import type { NotShown, Projection, Sql } from '@drover/read-models';
import { foldBatch, type AnyResource } from './resource.js';
import { loadViews, saveViews, tableStatements } from './resource-tables.js';

/**
 * The projection of one resource, with a model of its own.
 *
 * A batch is one read of the rows it touches, a fold in memory, and one set-based write per table.
 */
export function projectionOf(resource: AnyResource): Projection {
  const { key, kinds } = resource;
  return {
    name: readModelOf(key.name),
    version: resource.revision * 1000 + versionsKnown(kinds),
    ...(kinds === undefined ? {} : { kinds }),
    tables: [{ name: '0001-resource', statements: tableStatements(resource) }],
    isUnknown: (event) => resource.isUnknown(event),
    async mark(sql, notShown) {
      const { since, reason } = notShown;
      const values: unknown[] = [JSON.stringify({ since, reason })];
      const rows = rowsOf(resource, notShown, (value) => `$${values.push(value)}`);
      const marked = `(view::jsonb || jsonb_build_object('notShown', $1::jsonb))::json`;
      await sql.query(`UPDATE ${key.name} AS t SET view = ${marked} WHERE ${rows}`, values);
    },
    async apply(sql: Sql, events) {
      const ids = new Set(events.map((event) => resource.idOf(event)).filter((id) => id !== undefined));
      if (ids.size === 0) return;
      const folded = foldBatch(resource, await loadViews(sql, key.name, ids), events);
      await saveViews(sql, resource, [...folded.after.values()]);
      await resource.side?.save(sql, folded);
    },
  };
}

function rowsOf(resource: AnyResource, notShown: NotShown, param: (value: unknown) => string): string {
  return resource.rowsOf?.(notShown, param) ?? `t.id::text = ${param(streamSubjectId(notShown.stream))}`;
}

function versionsKnown(kinds: readonly string[] | undefined): number {
  const shown = streamKinds.filter(({ name }) => kinds === undefined || kinds.includes(name));
  return shown.flatMap(({ events }) => Object.keys(events)).reduce((sum, type) => sum + newestVersion(type), 0);
}
