import { beforeEach, describe, expect, it } from '@jest/globals';
import type { NewVmEvent, StoredVmEvent, VmFact } from '@drover/contracts';
import { createMemoryEventStore, type EventStore } from '@drover/event-store';
import { evolve } from '../domain/vm/vm-evolution.state.js';
import { initialState } from '../domain/vm/vm.state.js';
import { FaultyStore } from '@drover/aggregate/testing';
import { fact, history, hostA, RECORDED_AT_MS, user, vmId } from '../testing/vm-facts.js';
import { eventsOf } from './vm-events.policy.js';
import { VmFolds } from './vm-folds.state.js';

const STORE_AHEAD_MS = 3_000;

const events = (facts: readonly VmFact[], causationId: string): readonly NewVmEvent[] =>
  eventsOf(facts, { actor: user, causationId, atMs: RECORDED_AT_MS });

describe('the folds', () => {
  let store: EventStore;
  let faulty: FaultyStore;
  let folds: VmFolds;

  beforeEach(() => {
    const epochMs = () => RECORDED_AT_MS + STORE_AHEAD_MS;
    store = createMemoryEventStore({ clock: { epochMs, monotonicMs: epochMs } });
    faulty = new FaultyStore(store);
    folds = new VmFolds(faulty);
  });

  const append = (facts: readonly VmFact[], causationId = 'cause') =>
    folds.change(vmId, () => ({ events: events(facts, causationId), result: undefined }));
  const stored = async () => (await store.read(`vm-${vmId}`)) as readonly StoredVmEvent[];

  it('take their own events at once, and the store’s time when they read them back', async () => {
    await append(history.requested());
    expect(folds.get(vmId).operation?.beganAtMs).toBe(RECORDED_AT_MS);
    for (const event of await stored()) folds.follow(event);
    expect(folds.get(vmId)).toEqual((await stored()).reduce(evolve, initialState));
    expect(folds.get(vmId).operation?.beganAtMs).toBe(RECORDED_AT_MS + STORE_AHEAD_MS);
  });

  it('know whose operations are open and which VMs a host has', async () => {
    await append(history.placed());
    expect([...folds.openVms]).toEqual([vmId]);
    expect([...folds.vmsOf(hostA)]).toEqual([vmId]);
    await append([fact.cancelled('create'), fact.deleted()], 'end');
    expect([...folds.openVms]).toEqual([]);
    expect([...folds.vmsOf(hostA)]).toEqual([]);
  });
});
