import { beforeEach, describe, expect, it } from '@jest/globals';
import type { VmFact, VmId } from '@drover/contracts';
import { command, fact, history, operationOf, user, vmOf } from '../testing/vm-facts.js';
import { VmManagerBench } from '../testing/vm-manager-bench.js';
import { eventsOf } from './vm-events.policy.js';

const VMS = 50;
/** What one turn of the event loop may do at most. */
const BOUND = 16;

/** A VM whose create has been placed and not yet sent. */
function placed(name: string): { readonly vmId: VmId; readonly facts: readonly VmFact[] } {
  const vmId = vmOf(name);
  const facts = history.placed().map((each): VmFact => {
    if (each.type === 'VmRequested') return { ...each, data: { ...each.data, vmId, name } };
    if (each.type === 'OperationBegan') return { ...each, data: { ...each.data, operationId: operationOf(name) } };
    return each;
  });
  return { vmId, facts };
}

describe('a replica that takes up many open operations', () => {
  let bench: VmManagerBench;
  let vmIds: readonly VmId[];
  /** How many commands each turn of the event loop sent, beginning with that of the activation. */
  let sentInTurns: number[];
  let sends: number;

  beforeEach(async () => {
    bench = await VmManagerBench.started();
    bench.loseLease();
    const vms = Array.from({ length: VMS }, (_, n) => placed(`vm-${n}`));
    vmIds = vms.map(({ vmId }) => vmId);
    for (const [n, { vmId, facts }] of vms.entries()) {
      const origin = { actor: user, causationId: command(`vm-${n}`), atMs: bench.clock.epochMs() };
      await bench.store.append(`vm-${vmId}`, 'no-stream', eventsOf(facts, origin));
    }
    const after = bench.clock.after.bind(bench.clock);
    bench.clock.after = (delayMs, action) =>
      after(delayMs, () => {
        const before = sends;
        action();
        sentInTurns.push(sends - before);
      });
    sends = 0;
    bench.hosts.onSend = (_, moment) => void (sends += moment === 'before' ? 1 : 0);
    await bench.winLease();
    sentInTurns = [sends];
  });

  it('sends a few commands in each turn, each once, oldest operation first', () => {
    expect(bench.hosts.sent.length).toBe(BOUND);
    bench.clock.advance(0);
    expect(bench.hosts.sent.map(({ order: sent }) => sent.subject.id)).toEqual(vmIds);
    expect(Math.max(...sentInTurns)).toBe(BOUND);
  });

  it('sends no more once it has lost the lease in between, and the rest when it has won it back', async () => {
    bench.loseLease();
    bench.clock.advance(60_000);
    expect(bench.hosts.sent.length).toBe(BOUND);
    await bench.winLease();
    bench.clock.advance(0);
    expect(new Set(bench.hosts.sent.map(({ order: sent }) => sent.subject.id))).toEqual(new Set(vmIds));
    expect(bench.hosts.sent.length).toBe(VMS + BOUND);
    await bench.until(() => bench.manager.folds.openVms.size === 0);
    const carriedOut = bench.hosts.all.flatMap((host) => host.done);
    expect(carriedOut.map(({ subject }) => subject.id).toSorted()).toEqual(vmIds.toSorted());
  });

  it('sends no more where the lease ran out and that has not been said yet', () => {
    bench.isHolding = false;
    bench.clock.advance(0);
    expect(bench.hosts.sent.length).toBe(BOUND);
  });

  it('does not believe a command unsent that the replica before may have sent', async () => {
    bench.loseLease();
    const { vmId, facts: create } = placed('paused');
    const append = (facts: readonly VmFact[], cause: string) => {
      const origin = { actor: user, causationId: command(cause), atMs: bench.clock.epochMs() };
      return bench.store.append(`vm-${vmId}`, 'any', eventsOf(facts, origin));
    };
    await append(create, 'paused');
    await append([fact.defined(1), fact.started(1), fact.succeeded('paused')], 'running');
    await append([fact.pauseRequested(), fact.began('pause', 'vm.pause')], 'pause');
    await bench.winLease();
    await bench.command('cancel', 'cancel', { vmId, operationId: operationOf('pause') });
    const [cancelled] = (await bench.events(vmId)).slice(-1);
    expect(cancelled).toMatchObject({ type: 'OperationCancelled', data: { left: [expect.any(String)] } });
  });

  it('asks again a few at a time where no host took anything', async () => {
    bench.loseLease();
    bench.hosts.send = () => {
      sends += 1;
      return Promise.resolve({ kind: 'table-needed' });
    };
    sends = 0;
    await bench.winLease();
    bench.clock.advance(0);
    expect(sends).toBe(VMS);
    await new Promise((resolve) => setImmediate(resolve));
    sentInTurns = [];
    bench.clock.advance(1_000);
    expect(sends).toBe(2 * VMS);
    expect(Math.max(...sentInTurns)).toBe(BOUND);
  });
});
