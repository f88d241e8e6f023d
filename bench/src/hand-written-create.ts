/**
 * A create by hand, in one small program: what no control plane of this shape can do without, and nothing else.
 *
 * One HTTP request is answered; three questions go over nats-server and are answered (create, place, order) and one report
 * comes back; six events are appended in three durable groups; the host's journal is written durably three times (taken, done,
 * reported); the rows of the VM and of its operation are written and written again with the checkpoint; each event is published
 * to the outside in order. Nothing is checked, signed, repeated, recovered, traced or logged.
 *
 * Prints its port once it listens. Ends when its standard input does.
 */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import type { NewEvent } from '@drover/contracts';
import pg from 'pg';
import { openHandWrittenStore } from './hand-written-store.js';
import { GroupOf } from './group-of.js';

const [, , postgres = '', nats = '', hosts = '1'] = process.argv;

type Fields = Readonly<Record<string, unknown>>;

interface View extends Fields {
  readonly id: string;
  readonly name: string;
}

const store = await openHandWrittenStore(postgres);
const projection = new pg.Client({ connectionString: postgres });
await projection.connect();
await projection.query(`
  CREATE TABLE by_hand.vm (id uuid PRIMARY KEY, name text NOT NULL, view json NOT NULL);
  CREATE INDEX vm_by_name ON by_hand.vm (name);
  CREATE TABLE by_hand.operation (id uuid PRIMARY KEY, view json NOT NULL);
  CREATE TABLE by_hand.checkpoint (projected bigint NOT NULL);
  INSERT INTO by_hand.checkpoint VALUES (0)`);
const reader = new pg.Pool({ connectionString: postgres, max: 4 });
const folder = mkdtempSync(path.join(tmpdir(), 'drover-create-floor-'));
const journal = new DatabaseSync(path.join(folder, 'journal.sqlite'));
journal.exec(
  'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE journal (id TEXT PRIMARY KEY, content TEXT)',
);
const put = journal.prepare('INSERT OR REPLACE INTO journal VALUES (?, ?)');

const servers = { servers: nats };
const [gateway, manager, host] = await Promise.all([connect(servers), connect(servers), connect(servers)]);

/** What waits is written together: one commit for all who wait, in the journal as in the projection. */
const journaled = new GroupOf<readonly [string, string]>(async (rows) => {
  journal.exec('BEGIN');
  for (const row of rows) put.run(...row);
  journal.exec('COMMIT');
});
const projected = new GroupOf<View>(async (views) => {
  const newest = new Map(views.map((view) => [view.id, { id: view.id, name: view.name, view }]));
  await projection.query({
    name: 'project',
    text: `WITH vms AS (INSERT INTO by_hand.vm SELECT id, name, view FROM json_to_recordset($1::json)
        AS row (id uuid, name text, view json) ON CONFLICT (id) DO UPDATE SET view = excluded.view),
      operations AS (INSERT INTO by_hand.operation SELECT id, view FROM json_to_recordset($1::json)
        AS row (id uuid, view json) ON CONFLICT (id) DO UPDATE SET view = excluded.view)
      UPDATE by_hand.checkpoint SET projected = projected + $2`,
    values: [JSON.stringify([...newest.values()]), views.length],
  });
});

answer(manager, 'floor.create', async ({ id, name, spec }) => {
  await record(String(id), 0, { VmRequested: { name, spec }, OperationBegan: { kind: 'vm.create' } });
  void carryOut({ id: String(id), name: String(name), spec });
  return { id };
});
answer(manager, 'floor.place', ({ id }) => ({
  id,
  hostId: Number.parseInt(String(id).slice(0, 4), 16) % Number(hosts),
}));
answer(manager, 'floor.report', async ({ id, view }) => {
  const definition = { machineType: 'by-hand', fingerprint: 'a'.repeat(64) };
  await record(String(id), 3, { VmDefined: { definition }, VmStarted: { cause: 'user' }, OperationSucceeded: {} });
  await projected.add({ ...(view as View), observed: 'RUNNING' });
  ended.get(String(id))?.();
  return {};
});
answer(host, 'floor.host', async (order) => {
  const id = String(order['id']);
  await journaled.add([id, JSON.stringify(order)]);
  void (async () => {
    await journaled.add([id, JSON.stringify({ state: 'done', order })]);
    await ask(host, 'floor.report', { id, view: order['view'] });
    await journaled.add([id, '']);
  })();
  return { state: 'taken' };
});

async function carryOut(vm: View): Promise<void> {
  const { hostId } = await ask(manager, 'floor.place', vm);
  await record(vm.id, 2, { VmPlaced: { hostId, score: 1 } });
  const view = { ...vm, hostId, observed: 'UNKNOWN' };
  await Promise.all([projected.add(view), ask(manager, 'floor.host', { id: vm.id, view })]);
}

/** Appends to the VM's stream, durably, and tells the outside. */
async function record(id: string, first: number, facts: Readonly<Record<string, Fields>>): Promise<void> {
  const at = new Date().toISOString();
  await Promise.all(
    Object.entries(facts).map(([type, data], index) => {
      const event = {
        id: randomUUID(),
        type,
        schemaVersion: 1,
        data,
        meta: { at, actor: { kind: 'user', id: 'floor' } },
      };
      return store.append(`vm-${id}`, first + index, event as unknown as NewEvent);
    }),
  );
  for (const [type, data] of Object.entries(facts)) gateway.publish(`floor.event.${id}.${type}`, JSON.stringify(data));
}

function answer(
  connection: NatsConnection,
  subject: string,
  work: (message: Fields) => Promise<Fields> | Fields,
): void {
  connection.subscribe(subject, {
    callback: (_error, message) => {
      void (async () => message.respond(JSON.stringify(await work(message.json<Fields>()))))();
    },
  });
}

async function ask(connection: NatsConnection, subject: string, question: Fields): Promise<Fields> {
  return (await connection.request(subject, JSON.stringify(question), { timeout: 60_000 })).json<Fields>();
}

const ended = new Map<string, () => void>();
const server = createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8').on('data', (text: string) => (body += text));
  request.once('end', () => {
    void (async () => {
      const { name, spec } = JSON.parse(body) as { name: string; spec: Fields };
      const id = randomUUID();
      const end = Promise.withResolvers<void>();
      ended.set(id, end.resolve);
      await ask(gateway, 'floor.create', { id, name, spec });
      await end.promise;
      ended.delete(id);
      const { rows } = await reader.query({
        name: 'read',
        text: 'SELECT view FROM by_hand.vm WHERE id = $1',
        values: [id],
      });
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ vm: rows[0] }));
    })();
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  process.stdout.write(`${address.port}\n`);
});
process.stdin.resume().once('end', () => {
  rmSync(folder, { recursive: true, force: true });
  process.exit(0);
});
