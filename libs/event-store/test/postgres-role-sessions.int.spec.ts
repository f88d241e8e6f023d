import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { forEachService } from '@drover/contracts';
import { startPostgres, type PostgresServer } from '@drover/testing';
import pg from 'pg';
import { prepareStore } from '../src/index.js';

const passwords = forEachService((service) => `secret of ${service}`);

describe('sessions of the services, while the store is prepared by an owner who is no superuser', () => {
  let server: PostgresServer;
  let owner: URL;

  beforeAll(async () => {
    server = await startPostgres();
    owner = new URL(await server.createDatabase('plain'));
    const administrator = new pg.Client({ connectionString: server.connectionString });
    await administrator.connect();
    await administrator.query("CREATE ROLE plain LOGIN CREATEROLE PASSWORD 'p'");
    await administrator.query('ALTER DATABASE plain OWNER TO plain');
    // How long a client may take to sign in, and so how long the end of all sessions takes.
    await administrator.query("ALTER SYSTEM SET authentication_timeout = '8s'");
    await administrator.query('SELECT pg_reload_conf()');
    await administrator.end();
    Object.assign(owner, { username: 'plain', password: 'p' });
  }, 60_000);
  afterAll(() => server.stop());

  async function signedIn(): Promise<{ readonly client: pg.Client; readonly cutOff: Promise<Error> }> {
    const { urls } = await prepareStore({ ownerUrl: owner.href, passwords });
    const client = new pg.Client({ connectionString: urls.scheduler });
    await client.connect();
    return { client, cutOff: new Promise((resolve) => client.on('error', resolve)) };
  }

  it('go on where nothing else is asked, and hold it up no longer than it has patience', async () => {
    const { client } = await signedIn();
    await client.query(`SELECT pg_advisory_lock(hashtextextended('drover roles', 0))`);
    await expect(prepareStore({ ownerUrl: owner.href, passwords, patienceMs: 100 })).rejects.toMatchObject({
      cause: { message: expect.stringContaining('pg_terminate_backend') },
    });
    await client.end();
    expect(await prepareStore({ ownerUrl: owner.href, passwords })).not.toHaveProperty('withoutRoles');
  });

  it('are ended with the password that they were begun with, also those that hold its locks', async () => {
    const { client, cutOff } = await signedIn();
    await client.query(`SELECT pg_advisory_lock(hashtextextended('drover roles', 0))`);
    await prepareStore({
      ...{ ownerUrl: owner.href, passwords: forEachService(() => 'new'), endsSessions: true, patienceMs: 1_000 },
    });
    expect(await cutOff).toMatchObject({ code: '57P01' });
    const again = new pg.Client({ connectionString: owner.href });
    await again.connect();
    const { rows } = await again.query<{ is: boolean }>("SELECT pg_has_role('plain_scheduler', 'USAGE') AS is");
    expect(rows).toEqual([{ is: false }]);
    await again.end();
  });

  it('are ended also where their sign-in was begun with the old password, and ends when the new one is there', async () => {
    const before = await signedIn();
    const administrator = new pg.Client({ connectionString: server.connectionString.replace(/[^/]*$/, 'plain') });
    await administrator.connect();
    await administrator.query(`SELECT pg_advisory_lock(hashtextextended('drover roles', 0))`);
    const prepared = prepareStore({ ownerUrl: owner.href, passwords, endsSessions: true, patienceMs: 30_000 });
    // It waits now for its lock, to give the roles their passwords.
    await before.cutOff;
    const meanwhile = new pg.Client({ connectionString: urlOfScheduler() });
    const afterwards = new Promise((resolve) => meanwhile.on('error', resolve));
    await meanwhile.connect();
    const begun = connect(`${decodeURIComponent(owner.host)}/.s.PGSQL.5432`);
    await once(begun, 'connect');
    const answers: Buffer[] = [];
    begun.on('data', (piece) => answers.push(piece));
    await administrator.end();
    // The passwords are new.
    await afterwards;
    begun.write(startUp({ user: 'plain_scheduler', database: 'plain' }));
    await Promise.all([prepared, once(begun, 'close')]);
    expect(Buffer.concat(answers).toString('latin1')).toMatch(/^R.*57P01/s);
  });

  function urlOfScheduler(): string {
    const url = new URL(owner);
    url.username = 'plain_scheduler';
    return url.href;
  }
});

/** The first message of a client (PostgreSQL, Frontend/Backend Protocol, StartupMessage). */
function startUp(parameters: Readonly<Record<string, string>>): Buffer {
  const texts = [...Object.entries(parameters).flat(), ''].map((text) => Buffer.from(`${text}\0`));
  const head = Buffer.alloc(8);
  const message = Buffer.concat([head, ...texts]);
  message.writeInt32BE(message.length, 0);
  message.writeInt32BE(196_608, 4);
  return message;
}
