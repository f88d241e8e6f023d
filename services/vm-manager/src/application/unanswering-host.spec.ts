import { describe, expect, it } from '@jest/globals';
import { errors } from '@drover/contracts';
import { hostA, hostB, operationOf, vmId } from '../testing/vm-facts.js';
import { VmManagerBench } from '../testing/vm-manager-bench.js';

const LONG_MS = 3_600_000;

async function createdOnSilentHost(): Promise<VmManagerBench> {
  const bench = await VmManagerBench.started();
  bench.hosts.host(hostA).isReachable = false;
  await bench.command('create', 'create');
  await bench.until(() => bench.state().operation?.isUnheard === true);
  return bench;
}

describe('a create whose host never answers', () => {
  it('waits for the host however long that takes, says so once, and is done when it returns', async () => {
    const bench = await createdOnSilentHost();
    const delays = (await bench.events()).filter(({ type }) => type === 'OperationDelayed');
    expect(delays).toMatchObject([{ data: { because: 'host-unheard', hostId: hostA } }]);
    bench.clock.advance(24 * LONG_MS);
    let turns = 0;
    await bench.until(() => turns++ >= 40);
    expect(bench.state()).toMatchObject({ phase: 'present', hostId: hostA, operation: { kind: 'vm.create' } });
    await bench.reconnect(hostA);
    expect(await bench.ended('create')).toMatchObject({ type: 'OperationSucceeded' });
    expect((await bench.types()).filter((type) => type === 'OperationDelayed')).toHaveLength(1);
  });

  it.each([
    ['', () => Promise.resolve()],
    [', also where vm-manager was restarted before', (bench: VmManagerBench) => bench.crash()],
  ])('goes on to another when the host returns and refuses it%s', async (_, between) => {
    const bench = await createdOnSilentHost();
    bench.clock.advance(24 * LONG_MS);
    await between(bench);
    const error = { code: 'HOST_FULL', detail: 'no room' } as const;
    const refusal = { kind: 'failed' as const, step: 'check-capacity', error, undone: [], left: [] };
    bench.hosts.host(hostA).failures.set('create', [refusal]);
    await bench.reconnect(hostA);
    expect(await bench.ended('create')).toMatchObject({ type: 'OperationSucceeded' });
    expect(bench.hosts.host(hostB).power.get(vmId)).toBe('RUNNING');
  });

  it('goes on to another, also where vm-manager is restarted between the refusal and the next place', async () => {
    const bench = await createdOnSilentHost();
    bench.clock.advance(24 * LONG_MS);
    const error = { code: 'HOST_FULL', detail: 'no room' } as const;
    const refusal = { kind: 'failed' as const, step: 'check-capacity', error, undone: [], left: [] };
    bench.hosts.host(hostA).failures.set('create', [refusal]);
    // The scheduler is away while the refusal comes.
    bench.scheduler.faults.push(...Array.from({ length: 5 }, () => errors.SERVICE_UNAVAILABLE('not-applied', '')));
    await bench.reconnect(hostA);
    await bench.until(() => bench.state().hostId === undefined);
    await bench.crash();
    expect(await bench.ended('create')).toMatchObject({ type: 'OperationSucceeded' });
    expect(bench.state().hostId).toBe(hostB);
  });

  it('leaves a VM that is there to see, whose name is taken, and that a person may delete', async () => {
    const bench = await createdOnSilentHost();
    expect(await bench.command('create', 'same name')).toMatchObject({ rejection: { code: 'VM_NAME_TAKEN' } });
    expect(await bench.command('delete', 'delete')).toMatchObject({ kind: 'answered' });
    expect(await bench.end(operationOf('create'))).toMatchObject({ type: 'OperationCancelled' });
    await bench.reconnect(hostA);
    expect(await bench.ended('delete')).toMatchObject({ type: 'OperationSucceeded' });
    expect(bench.state().phase).toBe('deleted');
  });

  it('is taken back where a person cancelled it, when the host returns, and no late copy starts it', async () => {
    const bench = await createdOnSilentHost();
    const host = bench.hosts.host(hostA);
    await bench.command('cancel', 'cancel', { operationId: operationOf('create') });
    expect(await bench.ended('create')).toMatchObject({
      type: 'OperationCancelled',
      data: { left: [expect.stringContaining(hostA)] },
    });
    expect(bench.state()).toMatchObject({ phase: 'present', hostId: hostA });
    await bench.reconnect(hostA);
    for (const { order } of bench.hosts.sent) if (order.kind === 'create') host.receive(order);
    await bench.until(() => bench.state().phase === 'deleted');
    expect(host.done.map((command) => command.kind)).toEqual(['delete']);
    expect((await bench.types()).slice(-2)).toEqual(['OperationCancelled', 'VmDeleted']);
  });

  it('is taken back also when the host had begun before it was cut off, and after a restart of vm-manager', async () => {
    const bench = await VmManagerBench.started();
    const host = bench.hosts.host(hostA);
    host.losses.push('answer');
    host.isHung = true;
    await bench.command('create', 'create');
    await bench.until(() => bench.hosts.sent.length === 1);
    host.isReachable = false;
    await bench.command('cancel', 'cancel', { operationId: operationOf('create') });
    await bench.ended('create');
    await bench.crash();
    host.resume();
    expect(host.power.get(vmId)).toBe('RUNNING');
    await bench.reconnect(hostA);
    await bench.until(() => bench.state().phase === 'deleted');
    expect([...host.power]).toEqual([]);
  });

  it('is kept where a person has started the VM after cancelling it', async () => {
    const bench = await createdOnSilentHost();
    await bench.command('cancel', 'cancel', { operationId: operationOf('create') });
    await bench.ended('create');
    await bench.command('start', 'start');
    await bench.reconnect(hostA);
    expect(await bench.ended('start')).toMatchObject({ type: 'OperationSucceeded' });
    expect(bench.hosts.host(hostA).power.get(vmId)).toBe('RUNNING');
  });
});

describe('a host that cannot be heard', () => {
  async function runningAndFrozen(): Promise<VmManagerBench> {
    const bench = await VmManagerBench.started();
    await bench.command('create', 'create');
    await bench.ended('create');
    bench.hosts.host(hostA).isReachable = false;
    await bench.suspect(hostA);
    return bench;
  }

  it.each([
    ['start', {}, 'RUNNING'],
    ['resume', {}, 'RUNNING'],
  ] as const)('is not believed that a VM is so already: %s is an operation, and done', async (verb, fields, power) => {
    const bench = await runningAndFrozen();
    // Destroyed behind our back.
    bench.hosts.host(hostA).power.set(vmId, verb === 'start' ? 'STOPPED' : 'PAUSED');
    expect(await bench.command(verb, verb, fields)).toMatchObject({ value: { operationId: operationOf(verb) } });
    await bench.reconnect(hostA);
    expect(await bench.ended(verb)).toMatchObject({ type: 'OperationSucceeded' });
    expect(bench.hosts.host(hostA).power.get(vmId)).toBe(power);
    expect(await bench.command(verb, `${verb} again`, fields)).toMatchObject({ kind: 'answered' });
    expect((await bench.command(verb, `${verb} again`, fields)) as object).not.toHaveProperty('value.operationId');
  });

  it('lets a person cancel what it has taken, and says that it may still do it', async () => {
    const bench = await VmManagerBench.started();
    await bench.command('create', 'create');
    await bench.ended('create');
    const host = bench.hosts.host(hostA);
    host.isHung = true;
    await bench.command('reboot', 'reboot', { gracePeriodMs: 0 });
    await bench.until(() => bench.hosts.sent.length === 2);
    const cancel = () => bench.command('cancel', 'cancel', { operationId: operationOf('reboot') });
    expect(await cancel()).toMatchObject({ rejection: { code: 'OPERATION_NOT_CANCELLABLE' } });
    host.isReachable = false;
    await bench.suspect(hostA);
    expect(await cancel()).toMatchObject({ kind: 'answered' });
    expect(await bench.end(operationOf('reboot'))).toMatchObject({
      data: { left: [expect.stringContaining('may still carry out')] },
    });
  });
});

describe('an order that its host has taken and does not end in time', () => {
  async function resetTaken(): Promise<VmManagerBench> {
    const bench = await VmManagerBench.started();
    await bench.command('create', 'create');
    await bench.ended('create');
    bench.hosts.host(hostA).isHung = true;
    await bench.command('reset', 'reset');
    await bench.until(() => bench.hosts.sent.length === 2);
    return bench;
  }
  const cancel = (bench: VmManagerBench) => bench.command('cancel', 'cancel', { operationId: operationOf('reset') });

  it('is not cancelled as one that was never sent while the host is heard and has not answered the look', async () => {
    const bench = await resetTaken();
    let looks = 0;
    bench.hosts.look = () => {
      looks += 1;
      return Promise.reject(errors.TIMED_OUT('unknown', 'the host is slow'));
    };
    await bench.until(() => looks > 2);
    expect(await cancel(bench)).toMatchObject({ rejection: { code: 'OPERATION_NOT_CANCELLABLE' } });
    bench.hosts.host(hostA).resume();
    expect(await bench.ended('reset')).toMatchObject({ type: 'OperationSucceeded' });
  });

  it('may still be done when it is cancelled, also after it was recorded that the host is not heard', async () => {
    const bench = await resetTaken();
    bench.hosts.host(hostA).isReachable = false;
    await bench.suspect(hostA);
    await bench.until(() => bench.state().operation?.isUnheard === true);
    await bench.until(() => bench.hosts.sent.length > 2);
    await cancel(bench);
    expect(await bench.end(operationOf('reset'))).toMatchObject({
      type: 'OperationCancelled',
      data: { left: [expect.stringContaining('may still carry out')] },
    });
  });
});

describe('a host that is still at an order when its time is over', () => {
  it.each([
    ['goes forward', false],
    ['takes back what it did', true],
  ])('and %s is asked, and only its own end ends the create, though the VM runs', async (_, isUndoing) => {
    const bench = await VmManagerBench.started();
    const host = bench.hosts.host(hostA);
    bench.scheduler.hosts.splice(1);
    [host.isHung, host.isUndoing] = [true, isUndoing];
    await bench.command('create', 'create');
    await bench.until(() => host.isHung && bench.hosts.sent.length === 1);
    // Between the start that failed and the stop that undoes it.
    host.power.set(vmId, 'RUNNING');
    await bench.until(() => host.reports.filter(({ kind }) => kind === 'vm-state').length === 3);
    expect(bench.state()).toMatchObject({ phase: 'present', operation: { kind: 'vm.create' } });
    expect(bench.state().operation).not.toHaveProperty('undoing');
    host.power.delete(vmId);
    const error = { code: 'HYPERVISOR_FAILED', detail: 'a hook failed' } as const;
    host.failures.set('create', [{ kind: 'failed', step: 'start', undone: ['define'], left: [], error }]);
    host.resume();
    expect(await bench.ended('create')).toMatchObject({
      type: 'OperationFailed',
      data: { code: 'HYPERVISOR_FAILED', undone: ['define'] },
    });
    expect((await bench.types()).slice(-2)).toEqual(['OperationFailed', 'VmDeleted']);
  });
});

describe('a second delete', () => {
  it('joins the first, and both hear of its end', async () => {
    const bench = await VmManagerBench.started();
    await bench.command('create', 'create');
    await bench.ended('create');
    bench.hosts.host(hostA).isHung = true;
    await bench.command('delete', 'first');
    expect(await bench.command('delete', 'second')).toMatchObject({ value: { operationId: operationOf('first') } });
    bench.hosts.host(hostA).resume();
    expect(await bench.ended('first')).toMatchObject({ type: 'OperationSucceeded' });
  });
});

describe('cancelling before the command was sent', () => {
  it('lets no first copy leave while the cancel is written down', async () => {
    const bench = await VmManagerBench.started();
    await bench.command('create', 'create');
    await bench.ended('create');
    const host = bench.hosts.host(hostA);
    host.isReachable = false;
    await bench.command('stop', 'stop', { mode: 'force', gracePeriodMs: 0 });
    await bench.until(() => bench.hosts.sent.length > 2);
    await new Promise((resolve) => setImmediate(resolve));
    const cancelling = bench.faultyStore.appends + 1;
    bench.faultyStore.fateOf = (number) => {
      if (number !== cancelling) return 'stored';
      // The host is back, and the next repeat due, right while the cancel is on its way to the store.
      host.isReachable = true;
      bench.clock.advance(10_000);
      return 'stored';
    };
    expect(await bench.command('cancel', 'cancel', { operationId: operationOf('stop') })).toMatchObject({
      kind: 'answered',
    });
    const end = await bench.end(operationOf('stop'));
    const isDone = host.done.some((command) => command.kind === 'stop');
    expect([isDone, end.type === 'OperationCancelled' && end.data.left.length > 0]).toEqual([false, false]);
  });
});

describe('cancelling after a restart of vm-manager', () => {
  it('does not claim that the host has nothing, because the process before may have sent the command', async () => {
    const bench = await VmManagerBench.started();
    await bench.command('create', 'create');
    await bench.ended('create');
    const host = bench.hosts.host(hostA);
    host.losses.push('answer');
    await bench.command('stop', 'stop', { mode: 'force', gracePeriodMs: 0 });
    await bench.until(() => bench.hosts.sent.length === 2);
    host.isReachable = false;
    await bench.crash();
    await bench.command('cancel', 'cancel', { operationId: operationOf('stop') });
    expect(await bench.end(operationOf('stop'))).toMatchObject({
      type: 'OperationCancelled',
      data: { by: 'user', left: [expect.stringContaining('may still carry out')] },
    });
  });
});
