import { beforeEach, describe, expect, it } from '@jest/globals';
import type { FullList, VmReport } from '@drover/contracts';
import { definition, hostA, operationOf, vmId, vmOf } from '../testing/vm-facts.js';
import { domain, list, message, stopped } from '../testing/reports.js';
import { VmManagerBench } from '../testing/vm-manager-bench.js';

const crashed: VmReport = { ...stopped, powerState: 'CRASHED', change: 'crashed', cause: 'crash' };
const paused: VmReport = { ...stopped, powerState: 'PAUSED', change: 'paused' };

describe('a VM of which its host reported what was not recorded', () => {
  let bench: VmManagerBench;
  let next: number;

  const report = (...reports: unknown[]) => {
    next += reports.length;
    return bench.manager.reports.handle(message(next - reports.length, reports));
  };
  const overBudget = () => bench.manager.reports.facts.spend(hostA, vmId, 1_000);
  const operation = async (name: string, verb: 'start' | 'resume' = 'start') => {
    const answer = await bench.command(verb, name);
    return answer.kind === 'answered' ? answer.value.operationId : answer;
  };

  beforeEach(async () => {
    bench = await VmManagerBench.started();
    await bench.command('create', 'create');
    await bench.ended('create');
    next = 2;
  });

  it.each([
    ['start', 'STOPPED', crashed],
    ['resume', 'PAUSED', paused],
  ] as const)('is not believed to be so already: %s is an operation, and done', async (verb, power, lost) => {
    overBudget();
    bench.hosts.host(hostA).reports.push(lost);
    bench.hosts.host(hostA).power.set(vmId, power);
    await bench.deliverReports();
    expect(bench.state().observed).toBe('RUNNING');
    expect(await operation('again', verb)).toBe(operationOf('again'));
    expect(await bench.ended('again')).toMatchObject({ type: 'OperationSucceeded' });
    expect(bench.hosts.host(hostA).power.get(vmId)).toBe('RUNNING');
  });

  it.each<[string, unknown]>([
    ['this release cannot read', { ...stopped, generation: 7 }],
    ['met a defect', stopped],
  ])('is in doubt also where the report %s', async (what, lost) => {
    if (what === 'met a defect') {
      bench.faultyStore.fateOf = () => {
        throw new Error('a defect');
      };
    }
    await report(lost);
    bench.faultyStore.fateOf = () => 'stored';
    expect(bench.deadLetters).toHaveLength(1);
    expect(await operation('again')).toBe(operationOf('again'));
  });

  it('is known again once a later full list has told of it', async () => {
    overBudget();
    await report(crashed);
    await report(list([domain()]));
    expect(await operation('so')).toBeUndefined();
  });

  it.each<[string, (lists: { first: FullList; last: FullList }) => readonly unknown[]]>([
    ['was begun before', ({ first, last }) => [first, crashed, last]],
    ['names it as busy', ({ last }) => [crashed, { ...last, part: 0, busy: [vmId] }]],
    ['is refused itself', ({ last }) => [{ ...last, part: 0, domains: [domain(vmId, 'STOPPED')] }]],
    ['has no end', ({ first }) => [crashed, first]],
    ['lost its beginning', ({ last }) => [crashed, last]],
  ])('stays in doubt after a list that %s', async (_what, reports) => {
    overBudget();
    await report(...reports({ first: list([domain()], 0, false), last: list([domain()], 1, true) }));
    expect(await operation('again')).toBe(operationOf('again'));
  });

  it('stays in doubt after a list that is older than what was recorded since', async () => {
    bench.manager.reports.facts.spend(hostA, vmId, 60);
    await report(crashed, list([domain()], 0, false));
    bench.clock.advance(31_000);
    await report({ ...stopped, powerState: 'RUNNING', change: 'rebooted' }, list([], 1, true));
    expect((await bench.types()).at(-1)).toBe('VmRebooted');
    expect(await operation('again')).toBe(operationOf('again'));
  });

  it('stays in doubt after a list that came while an operation held it', async () => {
    const host = bench.hosts.host(hostA);
    overBudget();
    host.reports.push(crashed);
    await bench.deliverReports();
    host.isHung = true;
    await operation('first');
    await bench.until(() => bench.hosts.sent.some(({ order }) => order.kind === 'start'));
    host.reports.push(list([domain()]));
    await bench.deliverReports();
    host.resume();
    await bench.ended('first');
    expect(await operation('again')).toBe(operationOf('again'));
  });

  it('has its first definition recorded all the same, because no list tells it', async () => {
    const host = bench.hosts.host(hostA);
    const other = vmOf('other');
    host.isHung = true;
    await bench.command('create', 'other', { name: 'other' });
    await bench.until(() => bench.hosts.sent.some(({ order }) => order.subject.id === other));
    const [{ order } = { order: undefined }] = bench.hosts.sent.slice(-1);
    if (order === undefined) throw new Error('no order was sent');
    const { orderId, subject, operationId, generation, revision } = order;
    await bench.command('stop', 'stop', { vmId: other, mode: 'force', gracePeriodMs: 0 });
    bench.manager.reports.facts.spend(hostA, other, 1_000);
    const ids = { orderId, subject, operationId, generation, revision };
    const result = { kind: 'done', wasForced: false, definition } as const;
    await report({ kind: 'order-finished', ...ids, powerState: 'RUNNING', result });
    expect(bench.state(other)).toMatchObject({ definition, operation: { kind: 'vm.stop' } });
  });

  it('has a process recorded that only a person can have ended', async () => {
    const untracked = list([{ ...domain(), isUntracked: true }]);
    overBudget();
    await report(untracked);
    expect(bench.state().drift).toEqual([{ hostId: hostA, kind: 'untracked-process' }]);
    // Found and settled in turn, it would fill the store: that it is gone waits for credit.
    const { length } = await bench.events();
    for (let turn = 0; turn < 20; turn += 1) {
      bench.clock.advance(5_000);
      await report(list([domain()]), untracked);
    }
    expect((await bench.events()).length - length).toBe(0);
  });

  it('is one of few where a list tells more than its host has credit for, and that is not overdrawn', async () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    for (const name of names) await bench.command('create', name, { name });
    for (const name of names) await bench.ended(name, vmOf(name));
    bench.manager.reports.facts.spend(hostA, vmOf('of nothing'), 19_998);
    next = bench.hosts.host(hostA).reports.length + 1;
    await report(list(names.map((name) => domain(vmOf(name), 'STOPPED'))));
    const observed = () => names.map((name) => bench.state(vmOf(name)).observed);
    expect(observed()).toEqual(['STOPPED', 'STOPPED', 'RUNNING', 'RUNNING', 'RUNNING']);
    // Two were spent, and so two more are there two seconds later.
    bench.clock.advance(2_000);
    await report(list(names.map((name) => domain(vmOf(name), 'STOPPED'))));
    expect(observed()).toEqual(['STOPPED', 'STOPPED', 'STOPPED', 'STOPPED', 'RUNNING']);
  });
});
