import { describe, expect, it } from '@jest/globals';
import { HostJournals } from './host-journals.state.js';
import { VmManagerBench } from '../testing/vm-manager-bench.js';
import { firstGeneration, hostA, hostB, vmId, vmOf } from '../testing/vm-facts.js';
import { initialState, type VmState } from '../domain/vm/vm.state.js';
import { OpenLane } from './open-lane.handler.js';

describe('the table of a host', () => {
  it('has no row of a VM that the host has refused: it knows a late copy of that order by its id', async () => {
    const bench = await VmManagerBench.started();
    const host = bench.hosts.host(hostA);
    const error = { code: 'HOST_FULL', detail: 'no room' } as const;
    host.failures.set('create', [{ kind: 'failed', step: 'check-capacity', error, undone: [], left: [] }]);
    await bench.command('create', 'create');
    await bench.ended('create');
    expect(bench.state().hostId).toBe(hostB);
    expect(await bench.openLane(hostA)).toMatchObject({ value: { kind: 'table', newest: { vm: [] } } });
    const refused = bench.hosts.sent.find(({ hostId }) => hostId === hostA)?.order;
    if (refused === undefined) throw new Error('nothing was sent');
    expect(host.receive(refused)).toEqual({ kind: 'taken' });
    expect(host.done).toHaveLength(1);
    expect(host.power.has(vmId)).toBe(false);
  });

  it('is not sent where the agent could not read it: that is said, in the log once', async () => {
    const { clock } = new VmManagerBench();
    const present: VmState = {
      ...initialState,
      phase: 'present',
      generation: firstGeneration,
      hostId: hostA,
      revision: 5,
    };
    const its = new Set(Array.from({ length: 10_001 }, (_, index) => vmOf(`${index}`)));
    const lines: unknown[] = [];
    const openLane = new OpenLane({
      folds: { vmsOf: () => its, get: () => present, load: () => Promise.resolve(present) },
      journals: new HostJournals(),
      clock,
      isActive: () => true,
      log: { error: (...line) => void lines.push(line) },
    });
    const open = () => openLane.handle({ kind: 'open', hostId: hostA, journalEpoch: 1, nonce: 'n' }, 0);
    await expect(open()).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE', outcome: 'not-applied' });
    await expect(open()).rejects.toMatchObject({ message: expect.stringContaining('10001 rows') });
    expect(lines).toEqual([['a host has more VMs than its table holds', { hostId: hostA, rows: 10_001 }]]);
    its.delete(vmOf('0'));
    const answer = await open();
    expect(answer.kind === 'answered' ? answer.value.newest.vm : []).toHaveLength(10_000);
  });
});
