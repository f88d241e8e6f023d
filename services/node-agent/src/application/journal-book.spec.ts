import { describe, expect, it } from '@jest/globals';
import { silentLogger } from '@drover/observability';
import { emptyJournal, type JournalChange } from '../domain/journal/journal.state.js';
import { VmOrders } from '../testing/host-orders.js';
import { JournalBook } from './journal-book.js';

const ended = (revision: number): JournalChange => ({
  kind: 'ended',
  orderId: new VmOrders('a').plain('reset', revision).orderId,
});

/** A book over a disk that fails the writes of these numbers. */
function bookOver(failing: readonly number[]) {
  const disk: JournalChange[] = [];
  const controller = new AbortController();
  let writes = 0;
  const journal = {
    content: emptyJournal('spec'),
    write: async (changes: readonly JournalChange[]) => {
      writes += 1;
      const isFailing = failing.includes(writes);
      await Promise.resolve();
      if (isFailing) throw new Error(`write ${writes} failed`);
      disk.push(...changes);
    },
  };
  const book = new JournalBook(journal, { logger: silentLogger, retryMs: 1, stop: controller.signal });
  return { book, disk, controller };
}

describe('the book of the journal', () => {
  it('writes again what failed before it writes what came later', async () => {
    const { book, disk } = bookOver([1, 2]);
    await Promise.all([book.insist([ended(1)]), book.insist([ended(2)]), book.insist([ended(3), ended(4)])]);
    expect(disk).toEqual([ended(1), ended(2), ended(3), ended(4)]);
  });

  it('gives up what was only intended, and keeps what has happened in its order', async () => {
    const { book, disk } = bookOver([1]);
    const happened = book.insist([ended(1)]);
    const noted = book.insist([ended(3)]);
    const intended = bookOver([1]);
    await expect(intended.book.record([ended(2)])).rejects.toThrow('write 1 failed');
    await Promise.all([happened, noted]);
    expect(disk).toEqual([ended(1), ended(3)]);
    expect(intended.disk).toEqual([]);
  });

  it('tells what was intended together with something that is written again', async () => {
    const { book, disk } = bookOver([2]);
    const happened = Promise.all([book.insist([ended(1)]), book.insist([ended(2)])]);
    await expect(book.record([ended(3)])).rejects.toThrow('write 2 failed');
    await happened;
    expect(disk).toEqual([ended(1), ended(2)]);
  });

  it('ends with the agent, whatever waits', async () => {
    const { book, controller } = bookOver(Array.from({ length: 1_000 }, (_, index) => index + 1));
    const waiting = Promise.allSettled([book.insist([ended(1)]), book.insist([ended(2)])]);
    controller.abort();
    expect((await waiting).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await expect(book.insist([ended(3)])).rejects.toThrow('the agent stops');
  });
});
