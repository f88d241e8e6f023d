import { beforeEach, describe, expect, it } from '@jest/globals';
import type { VmReport } from '@drover/contracts';
import { hostA, operationOf, vmId } from '../testing/vm-facts.js';
import { list, message, stopped } from '../testing/reports.js';
import { VmManagerBench } from '../testing/vm-manager-bench.js';

const crashed: VmReport = { ...stopped, powerState: 'CRASHED', change: 'crashed', cause: 'crash' };
const started: VmReport = { ...stopped, powerState: 'RUNNING', change: 'started' };
const unchanged: VmReport = list([], 0, false);

let bench: VmManagerBench;

beforeEach(async () => {
  bench = await VmManagerBench.started();
  await bench.command('create', 'create');
  await bench.ended('create');
});

describe('a host that comes back with reports that wait', () => {
  const started = async () => {
    const answer = await bench.command('start', 'start');
    return answer.kind === 'answered' ? answer.value.operationId : answer;
  };

  beforeEach(() => bench.suspect(hostA));

  it('is not heard because it opens its lane: what it tells of its VMs is not known before', async () => {
    await bench.openLane(hostA);
    expect(await started()).toBe(operationOf('start'));
  });

  it('is not heard while more of them wait behind those that came', async () => {
    await bench.openLane(hostA);
    await bench.manager.reports.handle({ ...message(2, [unchanged]), waiting: 1 });
    expect(await started()).toBe(operationOf('start'));
  });

  it('is heard once the last of them are settled', async () => {
    await bench.openLane(hostA);
    await bench.manager.reports.handle({ ...message(2, [unchanged]), waiting: 1 });
    await bench.manager.reports.handle({ ...message(3, [unchanged]), waiting: 0 });
    expect(await started()).toBeUndefined();
  });
});

describe('a new term', () => {
  it('puts no list together of parts that came in two terms, nor of two lists', async () => {
    const before = await bench.types();
    await bench.manager.reports.handle(message(2, [list([], 0, false)]));
    await bench.manager.reports.handle(message(5, [list([], 1, true)]));
    await bench.manager.reports.handle(message(6, [list([], 0, false)]));
    bench.loseLease();
    await bench.winLease();
    await bench.manager.reports.handle(message(7, [list([], 1, true)]));
    expect(await bench.types()).toEqual(before);
    await bench.manager.reports.handle(message(8, [list([], 0, false), list([], 1, true)]));
    expect((await bench.types()).slice(before.length)).toEqual(['VmStopped', 'VmDriftFound']);
  });

  it('takes nothing for settled that was settled in an earlier one: the host’s disk may have come back as it was before', async () => {
    await bench.manager.reports.handle(message(2, [started, started, started, started]));
    // In another replica's term the host comes back as of report 3, which is not noticed: none of the others has left an event.
    bench.loseLease();
    await bench.winLease();
    await bench.manager.reports.handle(message(4, [crashed]));
    expect(bench.state()).toMatchObject({ observed: 'STOPPED', identity: { vmId } });
  });
});
