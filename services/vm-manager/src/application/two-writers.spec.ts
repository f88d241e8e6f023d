import { describe, expect, it } from '@jest/globals';
import { DEFAULT_PROJECT, type NewEvent, type VmId } from '@drover/contracts';
import { command, fact, operationOf, user, vmOf } from '../testing/vm-facts.js';
import { VmManagerBench } from '../testing/vm-manager-bench.js';
import { eventsOf } from './vm-events.policy.js';

/** What a writer that has lost its lease had decided before: a create of its own, under the name `web`. */
function lateCreate(name: string): { readonly vmId: VmId; readonly events: readonly NewEvent[] } {
  const vmId = vmOf(name);
  const requested = fact.requested();
  if (requested.type !== 'VmRequested') throw new Error('not a request');
  const facts = [{ ...requested, data: { ...requested.data, vmId } }, fact.began(name, 'vm.create', 600_000)];
  const origin = { actor: user, causationId: command(name), atMs: 0, projectId: DEFAULT_PROJECT };
  return { vmId, events: eventsOf(facts, origin) };
}

const taken = { type: 'OperationFailed', data: { step: 'name', code: 'VM_NAME_TAKEN', undone: [], left: [] } };

describe('a name that two writers gave at a change of the lease', () => {
  it('is that of the VM whose request the store took first, although the other writer had not read it yet', async () => {
    const bench = await VmManagerBench.started();
    const late = lateCreate('late');
    const append = bench.store.append.bind(bench.store);
    // Right before the append of the new writer, who has decided already, the old one's arrives.
    bench.faultyStore.fateOf = (number) => {
      if (number === 1) void append(`vm-${late.vmId}`, 'no-stream', late.events);
      return 'stored';
    };
    expect(await bench.command('create', 'create')).toMatchObject({ kind: 'answered' });
    expect(await bench.ended('create')).toMatchObject(taken);
    expect(bench.state().phase).toBe('deleted');
    expect(await bench.ended('late', late.vmId)).toMatchObject({ type: 'OperationSucceeded' });
    expect(bench.hosts.sent.every(({ order: sent }) => sent.subject.id === late.vmId)).toBe(true);
  });

  it('lets nothing be done for a VM before the store has been read up to its request', async () => {
    const bench = await VmManagerBench.started();
    const late = lateCreate('late');
    const lag = Promise.withResolvers<void>();
    bench.faultyStore.lag = lag.promise;
    await bench.store.append(`vm-${late.vmId}`, 'no-stream', late.events);
    expect(await bench.command('create', 'create')).toMatchObject({ kind: 'answered' });
    let turns = 0;
    await bench.until(() => turns++ > 10);
    expect(bench.scheduler.asked).toEqual([]);
    bench.faultyStore.lag = undefined;
    lag.resolve();
    expect(await bench.ended('create')).toMatchObject(taken);
    expect(bench.scheduler.asked.every((query) => query.vmId === late.vmId)).toBe(true);
  });

  it('stays with the VM that has it when the late request comes second', async () => {
    const bench = await VmManagerBench.started();
    const late = lateCreate('late');
    await bench.command('create', 'create');
    await bench.store.append(`vm-${late.vmId}`, 'no-stream', late.events);
    expect(await bench.ended('late', late.vmId)).toMatchObject(taken);
    expect(await bench.ended('create')).toMatchObject({ type: 'OperationSucceeded' });
    await bench.crash();
    expect(await bench.command('create', 'third')).toMatchObject({ rejection: { code: 'VM_NAME_TAKEN' } });
  });

  it('is judged alike by a process that reads both at its start', async () => {
    const bench = await VmManagerBench.started();
    bench.loseLease();
    const late = lateCreate('late');
    const first = lateCreate('first');
    await bench.store.append(`vm-${first.vmId}`, 'no-stream', first.events);
    await bench.store.append(`vm-${late.vmId}`, 'no-stream', late.events);
    await bench.crash();
    expect(await bench.ended('late', late.vmId)).toMatchObject(taken);
    expect(await bench.ended('first', first.vmId)).toMatchObject({ type: 'OperationSucceeded' });
    expect(operationOf('late')).not.toBe(operationOf('first'));
  });
});
