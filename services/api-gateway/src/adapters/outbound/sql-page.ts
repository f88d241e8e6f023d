import type { Sql } from '@drover/read-models';
import type { AnyResource } from '../../projections/resource/resource.js';
import { filtersIn } from '../../projections/resource/resource.js';
import { decodeCursor, encodeCursor, refuseCursor } from './cursor.codec.js';
import type { Page } from '../../application/ports/resource-reads.port.js';

const DEFAULT_PAGE = 100;
/** A page ends behind the item that brings it over this. */
const MAX_PAGE_BYTES = 4 * 1024 * 1024;

export interface PageQuery {
  readonly after?: string | undefined;
  readonly limit?: number | undefined;
}

interface Row<Stored> {
  readonly view: Stored;
  /** How many rows there were before the page was cut. */
  readonly found: number;
}

/**
 * A page of a resource: one indexed range of rows behind the cursor's, so that its cost follows from the page and not from the
 * size of the fleet. What is beyond is not even read.
 */
export async function sqlPage<Stored extends { readonly id: string }>(
  sql: Sql,
  resource: AnyResource,
  query: PageQuery,
): Promise<Page<Stored>> {
  const { after, limit = DEFAULT_PAGE } = query;
  const key = after === undefined ? undefined : await keyOf(sql, resource, decodeCursor(after));
  const values: unknown[] = [];
  const rows = rowsOf(resource, query, key, limit + 1, (value) => `$${values.push(value)}`);
  const found = await sql.query<Row<Stored>>(
    `SELECT view, found::int AS found FROM (
       SELECT view, count(*) OVER () AS found,
         sum(view_bytes) OVER (ROWS UNBOUNDED PRECEDING) - view_bytes AS bytes_before
       FROM (${rows}) AS rows
     ) AS measured WHERE bytes_before < ${MAX_PAGE_BYTES}`,
    values,
  );
  const items = found.slice(0, limit).map((row) => row.view);
  const last = items.at(-1);
  if (last === undefined || (found[0]?.found ?? 0) <= items.length) return { items };
  return { items, next: encodeCursor(last.id) };
}

function rowsOf(
  resource: AnyResource,
  query: PageQuery,
  key: readonly string[] | undefined,
  limit: number,
  param: (value: unknown) => string,
): string {
  const { listed, order } = resource;
  const filters = filtersIn(resource, query);
  const joins = filters.flatMap(([filter, value]) => filter.join?.(value, param) ?? []);
  const columns = joins.at(-1)?.order ?? order.columns.map((column) => `t.${column}`);
  const direction = order.isDescending === true ? ' DESC' : '';
  const conditions = [
    ...(listed === undefined ? [] : [listed.sql]),
    ...filters.map(([filter, value]) => filter.sql(value, param)),
    ...(key === undefined ? [] : [behind(resource, columns, key, param)]),
  ];
  return `SELECT t.view, t.view_bytes FROM ${resource.key.name} AS t ${joins.map(({ sql }) => sql).join(' ')}
    ${conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`}
    ORDER BY ${columns.map((column) => `${column}${direction}`).join(', ')} LIMIT ${param(limit)}`;
}

function behind(
  { order, columns: declared }: AnyResource,
  columns: readonly string[],
  key: readonly string[],
  param: (value: unknown) => string,
): string {
  const values = order.columns.map((name, index) => `${param(key[index])}::${declared[name]?.type ?? 'uuid'}`);
  return `(${columns.join(', ')}) ${order.isDescending === true ? '<' : '>'} (${values.join(', ')})`;
}

/** Where the cursor's thing stands in the order now. */
async function keyOf(sql: Sql, { key, order }: AnyResource, id: string): Promise<readonly string[]> {
  const columns = order.columns.map((column) => `${column}::text`);
  const rows = await sql.query<{ key: readonly string[] }>(
    `SELECT ARRAY[${columns.join(', ')}] AS key FROM ${key.name} WHERE id = $1`,
    [id],
  );
  return rows[0]?.key ?? refuseCursor();
}
