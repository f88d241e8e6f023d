import { prepared, type Sql } from '@drover/read-models';
import { jsonParameter } from './json-parameter.js';
import type { AnyResource, Resource, View } from './resource.js';

/**
 * What makes a resource's tables. Text is compared by bytes, so that a page's order is the same under every locale. `view` is
 * `json`, kept as it was written: nothing searches in it, and `jsonb` would take it apart at each write and put it together at
 * each read.
 */
export function tableStatements({ key, columns, indexes, side }: AnyResource): readonly string[] {
  const own = Object.entries(columns).map(([name, { type, isNullable }]) => {
    const collation = type === 'text' ? ' COLLATE "C"' : '';
    return `${name} ${type}${collation}${isNullable === true ? '' : ' NOT NULL'}`;
  });
  return [
    `CREATE TABLE ${key.name} (id uuid PRIMARY KEY, ${own.map((column) => `${column}, `).join('')}view json NOT NULL,
       view_bytes integer GENERATED ALWAYS AS (octet_length(view::text)) STORED)`,
    ...Object.entries(indexes).map(([name, indexed]) => `CREATE INDEX ${name} ON ${key.name} ${indexed}`),
    ...(side?.statements ?? []),
  ];
}

export async function loadViews<Stored extends View>(
  sql: Sql,
  table: string,
  ids: ReadonlySet<string>,
): Promise<Map<string, Stored>> {
  if (ids.size === 0) return new Map();
  const byIds = prepared(`SELECT view FROM ${table} WHERE id = ANY($1::uuid[])`);
  const rows = await sql.query<{ view: Stored }>(byIds, [[...ids]]);
  return new Map(rows.map(({ view }) => [view.id, view]));
}

/**
 * One set-based write, however many views. They come as lines of a text of their own: within the rows' JSON PostgreSQL would read each
 * of them twice, and a view has no line break in JSON.
 */
export async function saveViews<Stored extends View>(
  sql: Sql,
  { key, columns }: Pick<Resource<Stored, object, unknown>, 'key' | 'columns'>,
  views: readonly Stored[],
): Promise<void> {
  if (views.length === 0) return;
  const all = Object.entries(columns);
  const rows = views.map((view) => ({
    id: view.id,
    ...Object.fromEntries(all.map(([name, column]) => [name, column.of(view)])),
  }));
  const names = ['id', ...all.map(([name]) => name)].join(', ');
  const types = ['id uuid', ...all.map(([name, { type }]) => `${name} ${type}`)].join(', ');
  const changed = [...all.map(([name]) => name), 'view'].map((name) => `${name} = excluded.${name}`).join(', ');
  const save = prepared(
    `INSERT INTO ${key.name} (${names}, view)
     SELECT ${names}, view::json
     FROM ROWS FROM (json_to_recordset($1::json) AS (${types}), string_to_table($2, E'\n')) AS row (${names}, view)
     ON CONFLICT (id) DO UPDATE SET ${changed}`,
  );
  await sql.query(save, [jsonParameter(rows), views.map(jsonParameter).join('\n')]);
}
