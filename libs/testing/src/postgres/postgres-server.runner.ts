import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  freePort,
  identify,
  startPostgresServer,
  stopProcess,
  type ProcessIdentity,
} from '@drover/standalone/infrastructure';
import pg from 'pg';

/** A PostgreSQL server of a test's own, as the launcher starts it: free port on 127.0.0.1, new data, durable (fsync on). */
export interface PostgresServer {
  /** Stays the same over `restart`, `kill9` and `start`. */
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

export async function startPostgres(): Promise<PostgresServer> {
  const folder = await mkdtemp(path.join(tmpdir(), 'drover-postgres-'));
  // The server does not run as root, and its own user must reach its data.
  await chmod(folder, 0o755);
  const options = { folder: path.join(folder, 'server'), port: await freePort(), logFile: path.join(folder, 'log') };
  let running: ProcessIdentity | undefined;
  let connectionString = '';

  async function start(): Promise<void> {
    if (running !== undefined) return;
    const started = await startPostgresServer(options);
    running = started.process;
    connectionString = started.url;
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (running === undefined) return;
    await stopProcess(running, signal);
    running = undefined;
  }

  // SIGINT is PostgreSQL's fast shutdown: it cuts connections instead of waiting for them.
  const shutDown = () => end('SIGINT');

  async function kill9(): Promise<void> {
    if (running === undefined) return;
    const children = await childrenOf(running.pid);
    await end('SIGKILL');
    // A server that still sees a process of its predecessor refuses to start.
    await Promise.all(children.map((child) => stopProcess(child, 'SIGKILL')));
  }

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

async function childrenOf(pid: number): Promise<readonly ProcessIdentity[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text
    .split(' ')
    .filter(Boolean)
    .flatMap((child) => identify(Number(child)) ?? []);
}
