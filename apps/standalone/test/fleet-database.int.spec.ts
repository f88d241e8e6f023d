import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { builtServices } from '@drover/contracts';
import pg from 'pg';
import {
  databaseUrlFileOf,
  ensureDatabasePasswords,
  ensureServiceUsers,
  homeAt,
  prepareDatabase,
  prepareHome,
  renewDatabasePasswords,
  startPostgresServer,
  stopPostgresServer,
  type Home,
  type PostgresServer,
  type ServiceUsers,
} from '../src/infrastructure/index.js';

const refused = { code: '28P01' };

describe('what the services of a home connect to the database with', () => {
  let home: Home;
  let users: ServiceUsers;
  let server: PostgresServer;

  async function query<Row extends object>(url: string, text: string): Promise<readonly Row[]> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query<Row>(text)).rows;
    } finally {
      await client.end();
    }
  }

  const urlsOf = () => Promise.all(builtServices.map((service) => readFile(databaseUrlFileOf(home, service), 'utf8')));
  const whoIs = async (url: string) => (await query<{ who: string }>(url, 'SELECT current_user AS who'))[0]?.who;
  const ownRoles = builtServices.map((service) => `drover_${service.replaceAll('-', '_')}`);

  beforeAll(async () => {
    const root = await mkdtemp(path.join(tmpdir(), 'drover-database-'));
    await chmod(root, 0o755);
    home = homeAt(root);
    users = await ensureServiceUsers();
    await prepareHome(home, users);
    server = await startPostgresServer({
      folder: home.postgresFolder,
      logFile: path.join(home.logFolder, 'postgresql.log'),
      users,
    });
  }, 60_000);

  afterAll(async () => {
    await stopPostgresServer(server.process, home.postgresFolder);
    await rm(home.root, { recursive: true, force: true });
  });

  it('is the role of each, without a password where the kernel says who connects', async () => {
    expect(await prepareDatabase({ home, users, ownerUrl: server.url })).toBeUndefined();
    const urls = await urlsOf();
    expect(await Promise.all(urls.map(whoIs))).toEqual(ownRoles);
    expect(urls.map((url) => new URL(url).password)).toEqual(['', '', '', '']);
    const kept = await query(
      server.administratorUrl,
      "SELECT rolname FROM pg_authid WHERE rolname LIKE 'drover%' AND rolpassword IS NOT NULL",
    );
    expect(kept).toEqual([]);
  });

  it('holds a password where the server asks for one, and a new one after a renewal, when the old one is refused', async () => {
    await askForPasswords();
    const passwords = await ensureDatabasePasswords(home);
    const prepare = (passwords: Awaited<ReturnType<typeof ensureDatabasePasswords>>) =>
      prepareDatabase({ home, users, ownerUrl: server.url, passwords });
    expect(await prepare(passwords)).toBeUndefined();
    const before = await urlsOf();
    expect(await Promise.all(before.map(whoIs))).toEqual(ownRoles);

    // A start later: those that run keep what they have.
    await prepare(await ensureDatabasePasswords(home));
    expect(await urlsOf()).toEqual(before);

    await prepare(await renewDatabasePasswords(home));
    expect(await Promise.all((await urlsOf()).map(whoIs))).toEqual(ownRoles);
    for (const url of before) await expect(whoIs(url)).rejects.toMatchObject(refused);
  });

  it('is readable by the control plane alone, and what is of all of them by the launcher alone', async () => {
    const modeOf = async (file: string) => (await stat(file)).mode & 0o777;
    const group = users.drover === undefined ? 0o600 : 0o640;
    for (const service of builtServices) expect(await modeOf(databaseUrlFileOf(home, service))).toBe(group);
    expect(await modeOf(home.databasePasswordsFile)).toBe(0o600);
  });

  it('is the owner’s URL where the owner may make no roles, and the reason is told', async () => {
    await query(server.administratorUrl, 'CREATE ROLE drover_plain LOGIN');
    await query(server.administratorUrl, 'CREATE DATABASE plain OWNER drover_plain');
    const plain = new URL(server.administratorUrl);
    plain.username = 'drover_plain';
    plain.pathname = '/plain';
    await query(server.administratorUrl, "ALTER ROLE drover_plain PASSWORD 'its own'");
    plain.password = 'its own';
    const passwords = await ensureDatabasePasswords(home);
    expect(await prepareDatabase({ home, users, ownerUrl: plain.href, passwords })).toBe(
      'the role drover_plain may not create roles: ALTER ROLE drover_plain CREATEROLE',
    );
    expect(new Set(await urlsOf())).toEqual(new Set([plain.href]));
  });

  /** As a server on another machine does. */
  async function askForPasswords(): Promise<void> {
    const access = ['local all postgres,drover peer map=drover', 'local all all scram-sha-256', ''].join('\n');
    await writeFile(path.join(home.postgresFolder, 'pg_hba.conf'), access);
    await query(server.administratorUrl, 'SELECT pg_reload_conf()');
    const [url = ''] = await urlsOf();
    // It takes the new file when it gets to it.
    for (let isAsked = false; !isAsked;) {
      isAsked = await whoIs(url).then(
        () => false,
        () => true,
      );
    }
  }
});
