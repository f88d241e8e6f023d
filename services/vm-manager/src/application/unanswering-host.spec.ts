import { describe, expect, it } from '@jest/globals';
import { hostA, hostB, operationOf, vmId } from '../testing/vm-facts.js';
import { VmManagerBench } from '../testing/vm-manager-bench.js';

async function createdOnSilentHost(): Promise<VmManagerBench> {
  const bench = await VmManagerBench.started();
  bench.hosts.host(hostA).isReachable = false;
  await bench.command('create', 'create');
  expect(await bench.ended('create')).toMatchObject({
    type: 'OperationFailed',
    data: { code: 'OPERATION_OVERDUE', left: [expect.stringContaining(hostA)] },
  });
  return bench;
}

describe('a create whose host never answers', () => {
  it('leaves a VM that is there to see and to delete, and whose name is taken', async () => {
    const bench = await createdOnSilentHost();
    expect(bench.state()).toMatchObject({ phase: 'present', hostId: hostA });
    expect(await bench.command('create', 'same name')).toMatchObject({ rejection: { code: 'VM_NAME_TAKEN' } });
    expect(await bench.command('delete', 'delete')).toMatchObject({ kind: 'accepted' });
  });

  it('is taken back by itself when the host returns, and no late copy starts it', async () => {
    const bench = await createdOnSilentHost();
    const host = bench.hosts.host(hostA);
    await bench.reconnect(hostA);
    for (const { command } of bench.hosts.sent) if (command.kind === 'create') host.receive(command);
    await bench.until(() => bench.state().phase === 'deleted');
    expect(host.done.map((command) => command.kind)).toEqual(['delete']);
    expect((await bench.types()).slice(-2)).toEqual(['OperationFailed', 'VmDeleted']);
  });

  it('is taken back also when the host had begun before it was cut off, and after a restart of vm-manager', async () => {
    const bench = await VmManagerBench.started();
    const host = bench.hosts.host(hostA);
    host.losses.push('answer');
    host.isHung = true;
    await bench.command('create', 'create');
    await bench.until(() => bench.hosts.sent.length === 1);
    host.isReachable = false;
    await bench.ended('create');
    await bench.crash();
    host.resume();
    expect(host.power.get(vmId)).toBe('RUNNING');
    await bench.reconnect(hostA);
    await bench.until(() => bench.state().phase === 'deleted');
    expect([...host.power]).toEqual([]);
  });

  it('is kept where a person has started the VM meanwhile', async () => {
    const bench = await createdOnSilentHost();
    await bench.command('start', 'start');
    await bench.reconnect(hostA);
    expect(await bench.ended('start')).toMatchObject({ type: 'OperationSucceeded' });
    expect(bench.hosts.host(hostA).power.get(vmId)).toBe('RUNNING');
  });
});

describe('a host that refused a VM and has lost its journal since', () => {
  it('is told of the VM by the table, so that a late copy of the create does nothing there', async () => {
    const bench = await VmManagerBench.started();
    const host = bench.hosts.host(hostA);
    const error = { code: 'HOST_FULL', detail: 'no room' } as const;
    host.failures.set('create', [{ kind: 'failed', step: 'check-capacity', error, undone: [], left: [] }]);
    await bench.command('create', 'create');
    await bench.ended('create');
    expect(bench.state().hostId).toBe(hostB);
    const answer = await bench.openLane(hostA);
    const { generation, revision } = { generation: { epoch: 1, n: 2 }, revision: bench.state().revision };
    expect(answer).toMatchObject({ value: { kind: 'table', vms: [{ vmId, newest: { generation, revision } }] } });
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
