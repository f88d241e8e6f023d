/**
 * The thread that owns the journal file: a slow disk delays answers, never heartbeats.
 *
 * It knows nothing of journals: it is given a schema and statements, and runs each batch in one transaction. It imports
 * nothing of this repository, so that it also runs straight from its TypeScript source.
 */
import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';

interface Setup {
  readonly file: string;
  readonly schema: string;
  readonly statements: Readonly<Record<string, string>>;
  readonly queries: Readonly<Record<string, string>>;
}

type Values = (string | number | null)[];
type Request =
  | { readonly kind: 'write'; readonly id: number; readonly statements: readonly (readonly [string, ...Values])[] }
  | { readonly kind: 'read'; readonly id: number; readonly values: Values }
  | { readonly kind: 'close'; readonly id: number };

const setup = workerData as Setup;
const port = parentPort;
if (port === null) throw new Error('runs as a worker thread only');

let database: DatabaseSync | undefined;
const prepared = new Map<string, ReturnType<DatabaseSync['prepare']>>();

port.on('message', (request: Request) => {
  try {
    port.postMessage({ id: request.id, value: answer(request) });
  } catch (error) {
    port.postMessage({ id: request.id, error: error instanceof Error ? error.message : String(error) });
  }
});

function answer(request: Request): unknown {
  if (request.kind === 'close') {
    database?.close();
    return undefined;
  }
  const opened = open();
  if (request.kind === 'read') {
    const entries = Object.entries(setup.queries);
    return Object.fromEntries(entries.map(([name, sql]) => [name, opened.prepare(sql).all(...request.values)]));
  }
  opened.exec('BEGIN IMMEDIATE');
  try {
    for (const [name, ...values] of request.statements) statement(opened, name).run(...values);
    opened.exec('COMMIT');
  } catch (error) {
    if (opened.isTransaction) opened.exec('ROLLBACK');
    throw error;
  }
  return undefined;
}

function open(): DatabaseSync {
  if (database !== undefined) return database;
  const opening = new DatabaseSync(setup.file);
  try {
    // EXCLUSIVE also keeps out a second agent that was given the same file.
    opening.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
    opening.exec(setup.schema);
    requireOwnTables(opening);
  } catch (error) {
    opening.close();
    throw error;
  }
  database = opening;
  return opening;
}

/** A table that another release made may mean something else, so nothing is written to it. Tables beyond those of this release stay. */
function requireOwnTables(opened: DatabaseSync): void {
  const own = new DatabaseSync(':memory:');
  own.exec(setup.schema);
  const there = tablesOf(opened);
  const other = [...tablesOf(own)].find(([name, sql]) => there.get(name) !== sql);
  own.close();
  if (other !== undefined) {
    throw new Error(
      `${setup.file} was written by a release whose table "${other[0]}" is another one; run the agent of that release, or move ` +
        'the file away while no order of this host is open: the agent then begins a new journal',
    );
  }
}

function tablesOf(opened: DatabaseSync): ReadonlyMap<string, string> {
  const rows = opened.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'table'").all();
  return new Map(rows.map(({ name, sql }) => [String(name), String(sql).replace(/\s+/g, ' ')]));
}

function statement(opened: DatabaseSync, name: string): ReturnType<DatabaseSync['prepare']> {
  let found = prepared.get(name);
  if (found === undefined) {
    found = opened.prepare(setup.statements[name] ?? '');
    prepared.set(name, found);
  }
  return found;
}
