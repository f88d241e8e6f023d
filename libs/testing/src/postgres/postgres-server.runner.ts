import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  ensureServiceUsers,
  startPostgresServer,
  stopPostgresServer,
  type ProcessIdentity,
} from '@drover/standalone/infrastructure';
import pg from 'pg';

/** A PostgreSQL server of a test's own, as the launcher starts it: a socket of its own, new data, durable (fsync on). Connections are the superuser's. */
export interface PostgresServer {
  /** Stays the same over `restart`, `kill9` and `start`. */
  readonly connectionString: string;
  /** Of its process, for what /proc says of it and of those below it. Throws while it does not run. */
  pid(): number;
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

export async function startPostgres(): Promise<PostgresServer> {
  const folder = await mkdtemp(path.join(tmpdir(), 'drover-postgres-'));
  // The server does not run as root, and its own user must reach its data.
  await chmod(folder, 0o755);
  const users = await ensureServiceUsers();
  const options = { folder: path.join(folder, 'server'), logFile: path.join(folder, 'log'), users };
  let running: ProcessIdentity | undefined;
  let connectionString = '';

  async function start(): Promise<void> {
    if (running !== undefined) return;
    const started = await startPostgresServer(options);
    running = started.process;
    connectionString = started.administratorUrl;
  }

  async function end(signal: 'SIGINT' | 'SIGKILL'): Promise<void> {
    if (running === undefined) return;
    await stopPostgresServer(running, options.folder, signal);
    running = undefined;
  }

  // SIGINT is PostgreSQL's fast shutdown: it cuts connections instead of waiting for them.
  const shutDown = () => end('SIGINT');

  const kill9 = () => end('SIGKILL');

  async function stop(): Promise<void> {
    await shutDown();
    await rm(folder, { recursive: true, force: true });
  }

  try {
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    connectionString,
    pid() {
      if (running === undefined) throw new Error('PostgreSQL does not run');
      return running.pid;
    },
    async createDatabase(name) {
      const client = new pg.Client({ connectionString });
      await client.connect();
      try {
        await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`);
      } finally {
        await client.end();
      }
      const url = new URL(connectionString);
      url.pathname = `/${name}`;
      return url.href;
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
