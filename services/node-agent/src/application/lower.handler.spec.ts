import { describe, expect, it } from '@jest/globals';
import { errors, subjectKey } from '@drover/contracts';
import { silentLogger } from '@drover/observability';
import { applyChange, emptyJournal, type JournalChange } from '../domain/journal/journal.state.js';
import { VmOrders } from '../testing/host-orders.js';
import { JournalBook } from './journal-book.js';
import { Lower } from './lower.handler.js';

describe('lowering the newest order of a subject', () => {
  const vm = new VmOrders('web');
  const reset = vm.plain('reset', 5);
  const { orderId, operationId, subject, generation, revision } = reset;
  const ids = { orderId, operationId, subject, generation, revision };
  const finished = { kind: 'order-finished', ...ids, powerState: 'RUNNING', result: { kind: 'superseded' } } as const;
  const at = '2026-01-01T00:00:00.000Z';
  const taken: JournalChange = { kind: 'taken', order: reset };
  const ended: JournalChange[] = [
    { kind: 'ended', orderId },
    { kind: 'reported', lane: 'vm', report: { sequence: 1, at, report: finished } },
  ];
  const acknowledged: JournalChange = { kind: 'acknowledged', lane: 'vm', throughSequence: 1 };
  const forged: JournalChange = { kind: 'raised', subject, rank: { generation, revision: 9 } };

  const lowered = async (before: readonly JournalChange[], from: number, write = () => Promise.resolve()) => {
    const content = emptyJournal('spec');
    for (const change of before) applyChange(content, change);
    const { signal: stop } = new AbortController();
    const book = new JournalBook({ content, write }, { logger: silentLogger, retryMs: 1, stop });
    const ranks = { from: { generation, revision: from }, to: { generation, revision: 4 } };
    const answer = await new Lower(book, silentLogger).take({ kind: 'lower', subject, ...ranks }).catch(codeOf);
    return { answer, newest: content.newest.get(subjectKey(subject)) };
  };

  it.each<[string, JournalChange[]]>([
    ['has not ended', [taken]],
    ['has an end that is not acknowledged', [taken, ...ended]],
  ])('does nothing while an order above what it is to be %s', async (_what, before) => {
    const its = { rank: { generation, revision: 5 }, orderId };
    expect(await lowered(before, 5)).toEqual({ answer: { kind: 'unsettled', newest: its.rank }, newest: its });
    const rank = { generation, revision: 9 };
    const answer = { kind: 'unsettled', newest: rank };
    expect(await lowered([...before, forged], 9)).toEqual({ answer, newest: { rank } });
    // Also where only the newest is asked for, which names what is to be lowered.
    expect(await lowered([...before, forged], 4)).toEqual({ answer, newest: { rank } });
  });

  it('sets it down once the end is acknowledged', async () => {
    expect(await lowered([taken, ...ended, forged, acknowledged], 9)).toEqual({
      answer: { kind: 'taken' },
      newest: { rank: { generation, revision: 4 } },
    });
  });

  it('leaves it as it was where the journal cannot be written, with the id by which a repeat is known', async () => {
    const full = () => Promise.reject(errors.JOURNAL_UNAVAILABLE('not-applied', 'full'));
    expect(await lowered([taken, ...ended, acknowledged], 5, full)).toEqual({
      answer: 'JOURNAL_UNAVAILABLE',
      newest: { rank: { generation, revision: 5 }, orderId },
    });
  });
});

function codeOf(error: unknown): unknown {
  return (error as { readonly code?: unknown }).code;
}
