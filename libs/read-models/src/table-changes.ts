import type { Sql, TableChange } from './projection.port.js';

/** What every model has besides its own tables. */
const checkpoint: TableChange = {
  name: '0000-checkpoint',
  statements: [
    // The one row that says how far the model has come. It is updated in the transaction that writes the model's rows.
    `CREATE TABLE checkpoint (
      is_the_one boolean PRIMARY KEY DEFAULT true CHECK (is_the_one),
      position text NOT NULL,
      projected bigint NOT NULL,
      build_id uuid NOT NULL DEFAULT gen_random_uuid(),
      writer_version bigint NOT NULL DEFAULT 0
    )`,
    `CREATE TABLE not_shown (
      stream text PRIMARY KEY,
      since text NOT NULL,
      type text NOT NULL,
      reason text NOT NULL
    )`,
    `INSERT INTO checkpoint (position, projected) VALUES ('0', 0)`,
  ],
};

/** Makes the changes that the model has not had yet, in the transaction it is given. */
export async function changeTables(sql: Sql, changes: readonly TableChange[]): Promise<void> {
  await sql.query('CREATE TABLE IF NOT EXISTS table_changes (name text PRIMARY KEY)');
  const made = await sql.query<{ name: string }>('SELECT name FROM table_changes');
  const names = new Set(made.map((row) => row.name));
  for (const { name, statements } of [checkpoint, ...changes]) {
    if (names.has(name)) continue;
    for (const statement of statements) await sql.query(statement);
    await sql.query('INSERT INTO table_changes (name) VALUES ($1)', [name]);
  }
}
