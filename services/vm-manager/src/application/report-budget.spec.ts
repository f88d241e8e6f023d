import { beforeEach, describe, expect, it } from '@jest/globals';
import type { FullList } from '@drover/contracts';
import { hostA, hostB } from '../testing/vm-facts.js';
import { list, message } from '../testing/reports.js';
import { VmManagerBench } from '../testing/vm-manager-bench.js';

/** Costs nothing but its reading. */
const without: FullList = list([], 1, false);
const many = Array.from({ length: 500 }, () => without);

describe('reports that a host sends without end', () => {
  let bench: VmManagerBench;
  let next: number;

  const send = async (reports: readonly unknown[] = many, hostId = hostA) => {
    const answer = await bench.manager.reports.handle(message(next, reports, hostId));
    next += reports.length;
    return answer;
  };

  beforeEach(async () => {
    bench = await VmManagerBench.started();
    next = 1;
  });

  it('are worked on up to a burst and then so many a second, and the rest is to come again', async () => {
    for (let sent = 0; sent < 2_000; sent += 500) await send();
    await expect(send()).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE', outcome: 'not-applied' });
    bench.clock.advance(1_000);
    expect(await send()).toMatchObject({ value: { throughSequence: 2_500 } });
    bench.clock.advance(999);
    expect(await send([without])).toMatchObject({ value: { throughSequence: 2_501 } });
    await send();
    await expect(send()).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    next = 1;
    expect(await send(many, hostB)).toMatchObject({ value: { throughSequence: 500 } });
  });

  it('are named in health and once in the log, and counted', async () => {
    for (let sent = 0; sent < 2_000; sent += 500) await send();
    for (let attempt = 0; attempt < 10; attempt += 1) await expect(send()).rejects.toBeInstanceOf(Error);
    expect(bench.manager.reports.over.hosts).toEqual([hostA]);
    expect(bench.manager.reports.budget.refused).toBe(5_000);
    const told = bench.told.filter(({ message: line }) => line.startsWith('a host sends more reports'));
    expect(told).toMatchObject([{ fields: { hostId: hostA } }]);
    bench.clock.advance(600_000);
    expect(bench.manager.reports.over.hosts).toEqual([]);
  });

  it('give the event loop its turn after each fifty', async () => {
    let turns = 0;
    let isOver = false;
    const count = () => {
      turns += 1;
      if (!isOver) setImmediate(count);
    };
    setImmediate(count);
    await send();
    isOver = true;
    expect(turns).toBeGreaterThanOrEqual(10);
  });
});
