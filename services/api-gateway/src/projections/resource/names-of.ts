import { prepared, type Sql } from '@drover/read-models';
import type { AllViews, View } from './resource.js';

/** Names of things of one kind by id, from the model of that kind, whose column `name` has them. One that is not shown has none. */
export async function namesOf(
  sql: Sql,
  { name: kind }: { readonly name: string },
  ids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (ids.length === 0) return new Map();
  const ofIds = prepared(`SELECT id, name FROM ${kind} WHERE id = ANY($1::uuid[])`);
  const rows = await sql.query<{ id: string; name: string }>(ofIds, [[...new Set(ids)]]);
  return new Map(rows.map(({ id, name }) => [id, name]));
}

/** The same on a plain fold: of all things of the kind. */
export function namesIn(all: AllViews, { name: kind }: { readonly name: string }): ReadonlyMap<string, string> {
  return new Map(all.of<View & { readonly name: string }>(kind).map(({ id, name }) => [id, name]));
}
