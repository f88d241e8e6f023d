import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { hostIdSchema, subjectKey } from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';
import { SqliteJournal } from '../src/adapters/outbound/journal/sqlite-journal.adapter.js';
import { VmOrders } from '../src/testing/host-orders.js';
import { journalContract } from '../src/testing/journal.contract.js';

const hostId = hostIdSchema.parse(derivedId('journal', 'host'));

const newFolder = (): Promise<string> => mkdtemp(path.join(tmpdir(), 'drover-journal-'));

journalContract('sqlite', async () => {
  const folder = await newFolder();
  return {
    open: () => new SqliteJournal(path.join(folder, 'journal.sqlite')),
    remove: () => rm(folder, { recursive: true }),
  };
});

function change(file: string, sql: string): void {
  const database = new DatabaseSync(file);
  database.exec(sql);
  database.close();
}

describe('sqlite journal', () => {
  it('loses nothing it said was durable when its process is killed', async () => {
    const folder = await newFolder();
    const file = path.join(folder, 'journal.sqlite');
    const script = fileURLToPath(new URL('journal-writer.fixture.mjs', import.meta.url));
    const writer = spawn(process.execPath, [script, file, hostId], { stdio: ['ignore', 'pipe', 'inherit'], env: {} });
    const durable: string[] = [];
    createInterface(writer.stdout).on('line', (line) => {
      durable.push(line);
      if (durable.length === 300) writer.kill('SIGKILL');
    });
    await once(writer, 'close');
    expect(writer.signalCode).toBe('SIGKILL');
    expect(durable.length).toBeGreaterThanOrEqual(300);

    const journal = new SqliteJournal(file);
    const { content } = await journal.open(hostId);
    expect(durable.filter((orderId) => !content.orders.has(orderId as never))).toEqual([]);
    for (const { order } of content.orders.values()) {
      expect(content.newest.get(subjectKey(order.subject))?.orderId).toBe(order.orderId);
    }
    await journal.close();
    await rm(folder, { recursive: true });
  }, 20_000);

  it('refuses a file whose tables another release made, and says so', async () => {
    const folder = await newFolder();
    const file = path.join(folder, 'journal.sqlite');
    const made = new SqliteJournal(file);
    await made.open(hostId);
    await made.close();
    // A table more, as of a newer release, is no hindrance; a column more may be.
    change(file, 'CREATE TABLE newer (a)');
    const again = new SqliteJournal(file);
    await again.open(hostId);
    await again.close();
    change(file, 'ALTER TABLE newest ADD COLUMN epoch_of_store INTEGER');
    const refused = new SqliteJournal(file);
    await expect(refused.open(hostId)).rejects.toThrow(
      /journal\.sqlite was written by a release whose table "newest" is/,
    );
    await refused.close();
    await rm(folder, { recursive: true });
  });

  it('refuses a file that another agent holds', async () => {
    const folder = await newFolder();
    const file = path.join(folder, 'journal.sqlite');
    const [first, second] = [new SqliteJournal(file), new SqliteJournal(file)];
    await first.open(hostId);
    await expect(second.open(hostId)).rejects.toMatchObject({ code: 'JOURNAL_UNAVAILABLE', outcome: 'not-applied' });
    await first.close();
    await expect(second.open(hostId)).resolves.toBeDefined();
    await second.close();
    await rm(folder, { recursive: true });
  }, 20_000);

  it('says that it is unavailable where its folder is missing', async () => {
    const journal = new SqliteJournal('/no/such/folder/journal.sqlite');
    await expect(journal.open(hostId)).rejects.toMatchObject({ code: 'JOURNAL_UNAVAILABLE' });
    await journal.close();
  });

  it('keeps the event loop free while many hosts write', async () => {
    const folder = await newFolder();
    const journal = new SqliteJournal(path.join(folder, 'journal.sqlite'));
    const hosts = await Promise.all(
      Array.from({ length: 100 }, (_, index) => journal.open(hostIdSchema.parse(derivedId('host', index)))),
    );
    const writes: Promise<void>[] = [];
    let longestMs = 0;
    for (let round = 0; round < 10; round += 1) {
      const begunMs = performance.now();
      const order = new VmOrders(`vm-${round}`).create(round);
      for (const host of hosts) writes.push(host.write([{ kind: 'taken', order }]));
      await new Promise((resolve) => setImmediate(resolve));
      longestMs = Math.max(longestMs, performance.now() - begunMs);
    }
    await Promise.all(writes);
    // Flushes run in the journal's own thread: even a hundred hosts' writes in one turn take less than a slow flush.
    expect(longestMs).toBeLessThan(200);
    const [again] = await Promise.all([journal.open(hostIdSchema.parse(derivedId('host', 99)))]);
    expect(again.content.orders.size).toBe(10);
    await journal.close();
    await rm(folder, { recursive: true });
  }, 20_000);
});
