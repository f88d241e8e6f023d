import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { openPostgresLeaseStore, prepareStore, type PostgresLeaseStore } from '@drover/event-store';
import { startPostgres, type PostgresServer } from '@drover/testing';
import pg from 'pg';
import { describeLease } from '../src/lease/lease.contract.js';

let postgres: PostgresServer;
let databases = 0;

beforeAll(async () => {
  postgres = await startPostgres();
}, 60_000);
afterAll(() => postgres.stop());

async function aDatabase(): Promise<string> {
  const ownerUrl = await postgres.createDatabase(`leases_${(databases += 1)}`);
  await prepareStore({ ownerUrl });
  return ownerUrl;
}

async function asOwner<Result>(ownerUrl: string, use: (owner: pg.Client) => Promise<Result>): Promise<Result> {
  const owner = new pg.Client({ connectionString: ownerUrl });
  await owner.connect();
  try {
    return await use(owner);
  } finally {
    await owner.end();
  }
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = performance.now() + 20_000; !(await condition());) {
    if (performance.now() > deadline) throw new Error('it does not become so');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describeLease('a lease in PostgreSQL', async () => {
  const ownerUrl = await aDatabase();
  const stores: PostgresLeaseStore[] = [];
  return {
    ttlMs: 1200,
    connect: async () => {
      const store = openPostgresLeaseStore({ connectionString: ownerUrl, timeoutMs: 400 });
      stores.push(store);
      return store;
    },
    until,
    deleteKey: () =>
      asOwner(
        ownerUrl,
        async (owner) => void (await owner.query(`DELETE FROM event_store.leases WHERE key = 'vm-manager'`)),
      ),
    wipe: () =>
      asOwner(ownerUrl, async (owner) => void (await owner.query('TRUNCATE event_store.leases RESTART IDENTITY'))),
    stop: async () => void (await Promise.all(stores.map((store) => store.close()))),
  };
});

describe('leases in PostgreSQL', () => {
  let ownerUrl: string;
  let store: PostgresLeaseStore;

  beforeEach(async () => {
    ownerUrl = await aDatabase();
    store = openPostgresLeaseStore({ connectionString: ownerUrl, timeoutMs: 1_000 });
  });

  it('take one of many writes that expect the same revision', async () => {
    const others = Array.from({ length: 4 }, () =>
      openPostgresLeaseStore({ connectionString: ownerUrl, timeoutMs: 5_000 }),
    );
    let revision = 0;
    for (let round = 0; round < 10; round += 1) {
      const written = await Promise.all(
        others.map((one, index) => one.write('vm-manager', `${round} ${index}`, revision)),
      );
      const [taken, ...more] = written.filter((each) => each !== 'conflict');
      expect(more).toEqual([]);
      revision = taken ?? 0;
      const [winner] = [written.indexOf(revision)];
      expect(await store.read('vm-manager')).toEqual({ value: `${round} ${winner}`, revision });
    }
    await Promise.all([store, ...others].map((one) => one.close()));
  });

  it('give no revision again to a key that was deleted', async () => {
    const first = await store.write('vm-manager', 'a', 0);
    await asOwner(ownerUrl, (owner) => owner.query('DELETE FROM event_store.leases'));
    expect(await store.read('vm-manager')).toBeUndefined();
    expect(await store.write('vm-manager', 'a', Number(first))).toBe('conflict');
    expect(await store.write('vm-manager', 'b', 0)).toBeGreaterThan(Number(first));
    await store.close();
  });

  it('do not carry out later what their client waits for no more', async () => {
    const revision = Number(await store.write('vm-manager', 'a', 0));
    await asOwner(ownerUrl, async (owner) => {
      await owner.query('BEGIN');
      await owner.query('SELECT FROM event_store.leases FOR UPDATE');
      await expect(store.write('vm-manager', 'b', revision)).rejects.toThrow(/timeout/);
      await until(async () => {
        const { rows } = await owner.query<{ waiting: string }>(
          'SELECT count(*) AS waiting FROM pg_locks WHERE NOT granted',
        );
        return rows[0]?.waiting === '0';
      });
      await owner.query('COMMIT');
    });
    expect(await store.read('vm-manager')).toEqual({ value: 'a', revision });
    await store.close();
  });

  it('are known to a database that was killed', async () => {
    const revision = Number(await store.write('vm-manager', 'a', 0));
    await postgres.kill9();
    await postgres.start();
    // Its connection is the one of before: the first question finds that out.
    await until(() =>
      store.read('vm-manager').then(
        () => true,
        () => false,
      ),
    );
    expect(await store.read('vm-manager')).toEqual({ value: 'a', revision });
    await store.close();
  });
});
