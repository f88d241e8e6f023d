import { mkdtemp, rm, stat } from 'node:fs/promises';
import { chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { freePort, startPostgresServer, stopProcess } from '../src/infrastructure/index.js';
import { processesIn } from '../src/infrastructure/processes-in-folder.js';
import type { PostgresServer } from '../src/infrastructure/index.js';

describe('the PostgreSQL server of a home', () => {
  let root: string;
  let port: number;
  let server: PostgresServer;
  const start = () =>
    startPostgresServer({ folder: path.join(root, 'postgres'), port, logFile: path.join(root, 'postgres.log') });

  async function query(url: string, text: string): Promise<unknown[]> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query(text)).rows;
    } finally {
      await client.end();
    }
  }

  beforeAll(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'drover-home-'));
    await chmod(root, 0o755);
    port = await freePort();
    server = await start();
  }, 60_000);

  afterAll(async () => {
    await stopProcess(server.process, 'SIGINT');
    await rm(root, { recursive: true, force: true });
  });

  it('has a durable database that its owner may change', async () => {
    await query(server.url, 'CREATE TABLE kept (n int)');
    expect(await query(server.url, 'SHOW fsync')).toEqual([{ fsync: 'on' }]);
  });

  it('asks for the password, which only its owner can read', async () => {
    const guessed = new URL(server.url);
    guessed.password = 'guess';
    await expect(query(guessed.href, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
    expect((await stat(path.join(root, 'postgres', 'password'))).mode & 0o777).toBe(0o600);
  });

  it('finds its data again after a kill', async () => {
    await query(server.url, 'INSERT INTO kept VALUES (7)');
    await stopProcess(server.process, 'SIGKILL');
    server = await start();
    expect(await query(server.url, 'SELECT n FROM kept')).toEqual([{ n: 7 }]);
  });

  it('starts while a process of the killed server has yet to notice', async () => {
    const { pid } = server.process;
    const [survivor] = (await processesIn(path.join(root, 'postgres', 'data'))).filter((one) => one !== pid);
    if (survivor === undefined) throw new Error('the server has no other process');
    process.kill(survivor, 'SIGSTOP');
    await stopProcess(server.process, 'SIGKILL');
    const started = start();
    // As long as it takes a refusal to come that is not waited for.
    setTimeout(() => process.kill(survivor, 'SIGCONT'), 500);
    server = await started;
    expect(await query(server.url, 'SELECT n FROM kept')).toEqual([{ n: 7 }]);
  });

  it('listens on the loopback address alone', async () => {
    expect(await query(server.url, 'SHOW listen_addresses')).toEqual([{ listen_addresses: '127.0.0.1' }]);
  });
});
