import { describe, expect, it } from '@jest/globals';
import { type OrderFinished, errors } from '@drover/contracts';
import { hostA, hostB, operationOf, spec, vmId, vmOf } from '../testing/vm-facts.js';
import { VmManagerBench } from '../testing/vm-manager-bench.js';

const failed = (code: 'HOST_FULL' | 'HYPERVISOR_FAILED', left: string[] = []) =>
  ({
    kind: 'failed',
    step: 'define',
    error: { code, detail: 'it did not work' },
    undone: ['volumes'],
    left,
  }) satisfies OrderFinished['result'];
const notApplied = () => errors.SERVICE_UNAVAILABLE('not-applied', 'quiet');

async function running(): Promise<VmManagerBench> {
  const bench = await VmManagerBench.started();
  await bench.command('create', 'create');
  await bench.ended('create');
  return bench;
}

describe('placing', () => {
  it('asks again, with the same reservation, until the scheduler answers', async () => {
    const bench = await VmManagerBench.started();
    bench.scheduler.faults.push(notApplied(), notApplied(), errors.TIMED_OUT('unknown', 'lost'));
    await bench.command('create', 'create');
    await bench.ended('create');
    expect(bench.scheduler.asked).toHaveLength(4);
    expect(new Set(bench.scheduler.asked.map((query) => query.reservationId)).size).toBe(1);
    expect(bench.state().observed).toBe('RUNNING');
  });

  it('fails a create that no host can take, and frees the name', async () => {
    const bench = await VmManagerBench.started();
    bench.scheduler.hosts.length = 0;
    await bench.command('create', 'create');
    expect(await bench.ended('create')).toMatchObject({ type: 'OperationFailed', data: { code: 'NO_HOST_FITS' } });
    expect(bench.state().phase).toBe('deleted');
    expect(await bench.command('create', 'create again')).toMatchObject({ kind: 'answered' });
  });

  it('appends no placement after the reservation may have lapsed', async () => {
    const bench = await VmManagerBench.started();
    const place = bench.scheduler.place.bind(bench.scheduler);
    bench.scheduler.place = async (query) => {
      const answer = await place(query);
      // The append may take five more seconds, and ten are what is reserved.
      if (bench.scheduler.asked.length === 1) bench.clock.advance(5_000);
      return answer;
    };
    await bench.command('create', 'create');
    await bench.ended('create');
    expect(bench.scheduler.asked).toHaveLength(2);
  });

  it('tries the next best host when the first has no room and has undone what it did', async () => {
    const bench = await VmManagerBench.started();
    bench.hosts.host(hostA).failures.set('create', [failed('HOST_FULL')]);
    await bench.command('create', 'create');
    expect(await bench.ended('create')).toMatchObject({ type: 'OperationSucceeded' });
    expect(bench.state()).toMatchObject({ hostId: hostB, generation: { epoch: 1, n: 2 }, observed: 'RUNNING' });
  });

  it('gives up after three hosts have refused', async () => {
    const bench = await VmManagerBench.started();
    for (const host of bench.hosts.all) host.failures.set('create', [failed('HOST_FULL')]);
    await bench.command('create', 'create');
    expect(await bench.ended('create')).toMatchObject({ type: 'OperationFailed', data: { code: 'HOST_FULL' } });
    expect(bench.hosts.all.map((host) => host.done.length)).toEqual([1, 1, 1]);
    expect(bench.state().phase).toBe('deleted');
  });
});

describe('what is tried again', () => {
  it('is tried every second at the longest, so that a scheduler or a host that is back is noticed soon', async () => {
    const bench = await VmManagerBench.started();
    bench.scheduler.faults.push(...Array.from({ length: 12 }, notApplied));
    const times: number[] = [];
    const place = bench.scheduler.place.bind(bench.scheduler);
    bench.scheduler.place = (query) => {
      times.push(bench.clock.monotonicMs());
      return place(query);
    };
    await bench.command('create', 'create');
    await bench.ended('create');
    const waits = times.slice(1).map((atMs, index) => atMs - (times[index] ?? 0));
    expect(Math.max(...waits)).toBe(1_000);
  });

  it('is not tried by a process that stood still while its lease ran out', async () => {
    const bench = await VmManagerBench.started();
    bench.hosts.host(hostA).isReachable = false;
    await bench.command('create', 'create');
    await bench.until(() => bench.hosts.sent.length === 1);
    bench.isHolding = false;
    bench.hosts.host(hostA).isReachable = true;
    for (let turn = 0; turn < 10; turn += 1) {
      bench.clock.advance(1_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(bench.hosts.sent).toHaveLength(1);
    bench.isHolding = true;
    expect(await bench.ended('create')).toMatchObject({ type: 'OperationSucceeded' });
  });
});

describe('sending', () => {
  it.each(['order', 'answer'] as const)(
    'repeats an order whose %s was lost; the host carries it out once',
    async (loss) => {
      const bench = await VmManagerBench.started();
      bench.hosts.host(hostA).losses.push(loss, loss);
      await bench.command('create', 'create');
      await bench.ended('create');
      expect(bench.hosts.host(hostA).done.map((order) => order.kind)).toEqual(['create']);
      expect(new Set(bench.hosts.sent.map(({ order }) => order.orderId)).size).toBe(1);
    },
  );

  it('sends what a host owes an end once more when it opens its lane', async () => {
    const bench = await running();
    const host = bench.hosts.host(hostA);
    host.isHung = true;
    await bench.command('stop', 'stop', { mode: 'force', gracePeriodMs: 0 });
    await bench.until(() => bench.hosts.sent.length === 2);
    const answer = await bench.openLane(hostA);
    expect(answer).toMatchObject({ value: { kind: 'table', newest: { vm: [[vmId, 1, 1, 5]] } } });
    await bench.until(() => bench.hosts.sent.length === 3);
    host.resume();
    expect(await bench.ended('stop')).toMatchObject({ type: 'OperationSucceeded' });
  });

  it('ends an operation of which its host hears and does nothing, with what was observed', async () => {
    const bench = await running();
    bench.hosts.host(hostA).isHung = true;
    await bench.command('stop', 'stop', { mode: 'force', gracePeriodMs: 0 });
    expect(await bench.ended('stop')).toMatchObject({
      type: 'OperationFailed',
      data: { code: 'OPERATION_OVERDUE', data: { observed: 'RUNNING' } },
    });
  });

  it('asks a host that could not reach its hypervisor again and again, until it is done', async () => {
    const bench = await running();
    const error = { code: 'HYPERVISOR_UNAVAILABLE', outcome: 'not-applied', detail: 'libvirt is away' } as const;
    const away = () =>
      ({ kind: 'failed', step: 'inspect', error, undone: [], left: [] }) satisfies OrderFinished['result'];
    bench.hosts.host(hostA).failures.set('stop', [away(), away()]);
    await bench.command('stop', 'stop', { mode: 'force', gracePeriodMs: 0 });
    expect(await bench.ended('stop')).toMatchObject({ type: 'OperationSucceeded' });
    expect((await bench.types()).filter((type) => type === 'OperationDelayed')).toHaveLength(2);
    expect(bench.hosts.host(hostA).power.get(vmId)).toBe('STOPPED');
  });

  it('undoes a create that is overdue, and leaves nothing', async () => {
    const bench = await VmManagerBench.started();
    const host = bench.hosts.host(hostA);
    host.isHung = true;
    await bench.command('create', 'create');
    await bench.until(() => bench.state().operation?.undoing !== undefined);
    host.resume();
    expect(await bench.ended('create')).toMatchObject({
      type: 'OperationFailed',
      data: { code: 'OPERATION_OVERDUE', left: [] },
    });
    expect([...host.power]).toEqual([]);
    expect(bench.state().phase).toBe('deleted');
  });

  it('fails an operation whose host has taken a newer order', async () => {
    const bench = await running();
    bench.hosts.host(hostA).raise(vmId, { generation: { epoch: 1, n: 2 }, revision: 3 });
    await bench.command('stop', 'stop', { mode: 'force', gracePeriodMs: 0 });
    expect(await bench.ended('stop')).toMatchObject({ type: 'OperationFailed', data: { code: 'SUPERSEDED' } });
  });
});

describe('an order for a journal that the host had before', () => {
  it('is given again for the one that it has now, and its operation ends by the report of that', async () => {
    const bench = await running();
    const host = bench.hosts.host(hostA);
    host.outdatedOrders = 2;
    await bench.command('stop', 'stop', { mode: 'force', gracePeriodMs: 0 });
    expect(await bench.ended('stop')).toMatchObject({ type: 'OperationSucceeded' });
    expect(bench.hosts.sent.filter(({ order }) => order.kind === 'stop')).toHaveLength(3);
    expect(host.done.filter(({ kind }) => kind === 'stop')).toHaveLength(1);
  });
});

describe('superseding and cancelling', () => {
  it('lets a forced stop take the place of a start that hangs; a late copy of the start does nothing', async () => {
    const bench = await running();
    const host = bench.hosts.host(hostA);
    await bench.command('stop', 'stop', { mode: 'force', gracePeriodMs: 0 });
    await bench.ended('stop');
    host.isHung = true;
    await bench.command('start', 'start');
    await bench.until(() => bench.hosts.sent.length === 3);
    const late = bench.hosts.sent[2]?.order;
    await bench.command('stop', 'force', { mode: 'force', gracePeriodMs: 0 });
    host.resume();
    await bench.ended('force');
    if (late === undefined) throw new Error('no start was sent');
    host.receive(late);
    expect(host.power.get(vmId)).toBe('STOPPED');
    expect(await bench.end(operationOf('start'))).toMatchObject({ data: { by: 'superseded' } });
  });

  it('ends an operation once, also when it falls due while its place is being taken', async () => {
    const bench = await running();
    bench.hosts.host(hostA).isReachable = false;
    await bench.command('stop', 'stop', { mode: 'force', gracePeriodMs: 0 });
    const deleting = bench.command('delete', 'delete');
    bench.clock.advance(130_000);
    await deleting;
    bench.hosts.host(hostA).isReachable = true;
    await bench.ended('delete');
    expect(await bench.end(operationOf('stop'))).toMatchObject({ type: 'OperationCancelled' });
  });

  it('cancels a create before it has a host', async () => {
    const bench = await VmManagerBench.started();
    bench.scheduler.faults.push(...Array.from({ length: 100 }, notApplied));
    await bench.command('create', 'create');
    const answer = await bench.command('cancel', 'cancel', { operationId: operationOf('create') });
    expect(answer).toMatchObject({ kind: 'answered', value: { operationId: operationOf('create') } });
    expect(await bench.types()).toEqual(['VmRequested', 'OperationBegan', 'OperationCancelled', 'VmDeleted']);
  });

  it('undoes a create that its host has taken', async () => {
    const bench = await VmManagerBench.started();
    const host = bench.hosts.host(hostA);
    host.isHung = true;
    await bench.command('create', 'create');
    await bench.until(() => bench.hosts.sent.length === 1);
    await bench.command('cancel', 'cancel', { operationId: operationOf('create') });
    host.resume();
    expect(await bench.ended('create')).toMatchObject({ type: 'OperationCancelled', data: { by: 'user', left: [] } });
    expect([...host.power]).toEqual([]);
  });

  it('cancels a stop that has not reached its host, and not one that has', async () => {
    const bench = await running();
    const host = bench.hosts.host(hostA);
    host.isReachable = false;
    await bench.command('stop', 'stop', { mode: 'force', gracePeriodMs: 0 });
    await bench.until(() => bench.hosts.sent.length >= 2);
    expect(await bench.command('cancel', 'cancel', { operationId: operationOf('stop') })).toMatchObject({
      kind: 'answered',
    });
    host.isReachable = true;
    host.isHung = true;
    await bench.command('stop', 'again', { mode: 'force', gracePeriodMs: 0 });
    await bench.until(() => bench.hosts.sent.at(-1)?.order.operationId === operationOf('again'));
    await bench.until(() => true);
    expect(await bench.command('cancel', 'cancel again', { operationId: operationOf('again') })).toMatchObject({
      kind: 'rejected',
      rejection: { code: 'OPERATION_NOT_CANCELLABLE' },
    });
  });
});

describe('many VMs', () => {
  it('do not wait for each other', async () => {
    const bench = await VmManagerBench.started();
    const names = Array.from({ length: 50 }, (_, index) => `vm-${index}`);
    bench.hosts.host(hostA).losses.push('order');
    await Promise.all(names.map((name) => bench.command('create', name, { name, spec: spec() })));
    await bench.until(() => names.every((name) => bench.state(vmOf(name)).observed === 'RUNNING'));
    expect(bench.manager.folds.openVms.size).toBe(0);
  });
});
