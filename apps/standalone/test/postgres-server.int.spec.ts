import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import {
  ensureServiceUsers,
  isRunning,
  postgresUrl,
  startPostgresServer,
  stopPostgresServer,
  stopProcess,
  type ServiceUsers,
} from '../src/infrastructure/index.js';
import { processesIn } from '../src/infrastructure/processes-in-folder.js';
import type { PostgresServer } from '../src/infrastructure/index.js';

describe('the PostgreSQL server of a home', () => {
  let root: string;
  let users: ServiceUsers;
  let server: PostgresServer;
  const start = () =>
    startPostgresServer({ folder: path.join(root, 'postgres'), logFile: path.join(root, 'postgres.log'), users });

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
    users = await ensureServiceUsers();
    server = await start();
  }, 60_000);

  afterAll(async () => {
    await stopPostgresServer(server.process, path.join(root, 'postgres'));
    await rm(root, { recursive: true, force: true });
  });

  it('has a durable database', async () => {
    await query(server.administratorUrl, 'CREATE TABLE kept (n int)');
    expect(await query(server.url, 'SHOW fsync')).toEqual([{ fsync: 'on' }]);
  });

  it('is owned by a role that makes the services’ roles, is no superuser, and can run no program', async () => {
    const who = 'SELECT current_user, rolsuper, rolcreaterole FROM pg_roles WHERE rolname = current_user';
    expect(await query(server.url, who)).toEqual([{ current_user: 'drover', rolsuper: false, rolcreaterole: true }]);
    await query(server.url, 'CREATE SCHEMA own');
    await expect(query(server.url, "COPY (SELECT 1) TO PROGRAM 'true'")).rejects.toMatchObject({ code: '42501' });
  });

  it('listens nowhere but at a socket in a folder that others cannot enter', async () => {
    expect(await query(server.url, 'SHOW listen_addresses')).toEqual([{ listen_addresses: '' }]);
    const { mode } = await stat(path.join(root, 'postgres', 'socket'));
    expect(mode & 0o027).toBe(0);
  });

  it('knows by the kernel who connects: another user is none of its roles', async () => {
    if (users.drover === undefined) return;
    // The user drover, as the services run: their roles are his, the owner and the superuser are not.
    await query(server.url, 'CREATE ROLE drover_scheduler LOGIN');
    const program = `import pg from 'pg';
      const client = new pg.Client({ connectionString: process.argv[1] });
      try { await client.connect(); await client.end(); console.log('let in'); } catch (error) { console.log(error.code); }`;
    const connect = (url: string) =>
      spawnSync(process.execPath, ['--input-type=module', '--eval', program, url], {
        ...{ cwd: path.resolve(import.meta.dirname, '..'), encoding: 'utf8' as const, env: {} },
        ...users.drover,
      }).stdout.trim();
    expect(connect(postgresUrl(path.join(root, 'postgres'), 'drover_scheduler'))).toBe('let in');
    expect(connect(server.url)).toBe('28000');
    expect(connect(server.administratorUrl)).toBe('28000');
  });

  it('finds its data again after a kill', async () => {
    await query(server.administratorUrl, 'INSERT INTO kept VALUES (7)');
    await stopProcess(server.process, 'SIGKILL');
    server = await start();
    expect(await query(server.administratorUrl, 'SELECT n FROM kept')).toEqual([{ n: 7 }]);
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
    expect(await query(server.administratorUrl, 'SELECT n FROM kept')).toEqual([{ n: 7 }]);
  });

  it('has ended when none of its processes works in its folder any more, killed as well', async () => {
    const folder = path.join(root, 'postgres', 'data');
    const [survivor] = (await processesIn(folder)).filter((one) => one !== server.process.pid);
    if (survivor === undefined) throw new Error('the server has no other process');
    process.kill(survivor, 'SIGSTOP');
    const stopped = stopPostgresServer(server.process, path.join(root, 'postgres'), 'SIGKILL');
    while (isRunning(server.process)) await new Promise((resolve) => setImmediate(resolve));
    expect(await processesIn(folder)).toContain(survivor);
    process.kill(survivor, 'SIGCONT');
    await stopped;
    expect(await processesIn(folder)).toEqual([]);
    server = await start();
  });
});
