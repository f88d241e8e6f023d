import { describe, expect, it } from '@jest/globals';
import { type VmReport, errors } from '@drover/contracts';
import { systemClock } from '@drover/domain-kit';
import { silentLogger } from '@drover/observability';
import { emptyJournal, type QueuedReport } from '../domain/journal/journal.state.js';
import { JournalBook } from './journal-book.js';
import { ReportLane } from './report-lane.reconciler.js';

const report: VmReport = { kind: 'full-list', part: 0, isLast: true, domains: [], busy: [] };

type Send = (reports: readonly QueuedReport[], journalEpoch: number, waiting: number) => Promise<number>;

function laneThat(send: Send, write = () => Promise.resolve()) {
  const stopping = new AbortController();
  const { signal: stop } = stopping;
  const book = new JournalBook({ content: emptyJournal('spec'), write }, { logger: silentLogger, retryMs: 1, stop });
  const lane = new ReportLane({
    lane: 'vm',
    book,
    clock: systemClock,
    logger: silentLogger,
    stop,
    retryMs: 1,
    maxReports: 2,
    send: async (...sent) => ({
      kind: 'answered',
      value: { kind: 'acknowledged', throughSequence: await send(...sent) },
    }),
    onRejected: () => undefined,
  });
  return { book, lane, run: lane.run(), stop: () => stopping.abort() };
}

describe('a lane of reports', () => {
  it('sends them in order, in batches, and again after a failure, until all are acknowledged', async () => {
    const sent: number[][] = [];
    const emptied = Promise.withResolvers<void>();
    const { lane, run, stop } = laneThat((reports) => {
      const sequences = reports.map(({ sequence }) => sequence);
      sent.push(sequences);
      if (sent.length === 1) return Promise.reject(errors.TIMED_OUT('unknown', 'no answer'));
      if (sequences.includes(5)) emptied.resolve();
      return Promise.resolve(sequences.at(-1) ?? 0);
    });
    await Promise.all([1, 2, 3, 4, 5].map(() => lane.append(report)));
    lane.open(1);
    await emptied.promise;
    stop();
    await run;
    expect(sent).toEqual([[1, 2], [1, 2], [3, 4], [5]]);
  });

  it('sends nothing that is not durable, nor what comes behind it', async () => {
    const sent: number[] = [];
    let failures = 3;
    const write = () => {
      failures -= 1;
      const fault = errors.JOURNAL_UNAVAILABLE('not-applied', 'full');
      return failures >= 0 ? Promise.reject(fault) : Promise.resolve();
    };
    const told = Promise.withResolvers<void>();
    const { lane, run, stop } = laneThat((reports) => {
      sent.push(...reports.map(({ sequence }) => sequence));
      expect(failures).toBeLessThan(0);
      if (sent.includes(2)) told.resolve();
      return Promise.resolve(sent.at(-1) ?? 0);
    }, write);
    lane.open(1);
    await Promise.all([lane.append(report), lane.append(report)]);
    await told.promise;
    stop();
    await run;
    expect(sent).toEqual([1, 2]);
  });

  it('says how many more wait behind those that it sends', async () => {
    const waiting: number[] = [];
    const emptied = Promise.withResolvers<void>();
    const { lane, run, stop } = laneThat((reports, _epoch, more) => {
      waiting.push(more);
      if (more === 0) emptied.resolve();
      return Promise.resolve(reports.at(-1)?.sequence ?? 0);
    });
    await Promise.all([1, 2, 3, 4, 5].map(() => lane.append(report)));
    lane.open(1);
    await emptied.promise;
    stop();
    await run;
    expect(waiting).toEqual([3, 1, 0]);
  });

  it('loses nothing of a new journal by an acknowledgement that the one before had asked for', async () => {
    const asked = Promise.withResolvers<void>();
    const late = Promise.withResolvers<number>();
    const sent: [number, number[]][] = [];
    const again = Promise.withResolvers<void>();
    const { book, lane, run, stop } = laneThat((reports, epoch) => {
      sent.push([epoch, reports.map(({ sequence }) => sequence)]);
      if (epoch === 1) {
        asked.resolve();
        return late.promise;
      }
      again.resolve();
      return Promise.resolve(1);
    });
    await Promise.all([lane.append(report), lane.append(report)]);
    lane.open(1);
    await asked.promise;
    lane.suspend();
    await book.insist([{ kind: 'renewed', journalId: 'another' }]);
    await lane.append(report);
    lane.open(2);
    late.resolve(2);
    await again.promise;
    stop();
    await run;
    expect(sent).toEqual([
      [1, [1, 2]],
      [2, [1]],
    ]);
  });

  it('forgets no more than it has sent, whatever is acknowledged', async () => {
    const sent: number[][] = [];
    const emptied = Promise.withResolvers<void>();
    const { lane, run, stop } = laneThat((reports) => {
      sent.push(reports.map(({ sequence }) => sequence));
      if (sent.length === 2) emptied.resolve();
      return Promise.resolve(100);
    });
    await Promise.all([1, 2, 3].map(() => lane.append(report)));
    lane.open(1);
    await emptied.promise;
    stop();
    await run;
    expect(sent).toEqual([[1, 2], [3]]);
  });
});
