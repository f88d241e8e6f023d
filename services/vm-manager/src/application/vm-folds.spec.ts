import { beforeEach, describe, expect, it } from '@jest/globals';
import type { NewVmEvent, StoredVmEvent, VmFact } from '@drover/contracts';
import { createMemoryEventStore, type EventStore } from '@drover/event-store';
import { evolve } from '../domain/vm/vm-evolution.state.js';
import { initialState } from '../domain/vm/vm.state.js';
import { FaultyStore } from '../testing/faulty-store.js';
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

  it('count an event once, whichever way it comes first', async () => {
    const change = append(history.requested());
    await store.read(`vm-${vmId}`);
    for (const event of await stored()) folds.follow(event);
    await change;
    for (const event of await stored()) folds.follow(event);
    expect(folds.get(vmId)).toEqual((await stored()).reduce(evolve, initialState));
  });

  it('read the stream before the next decision when an append was not answered', async () => {
    faulty.fateOf = (number) => (number === 1 ? 'unanswered' : 'stored');
    await expect(append(history.requested())).rejects.toMatchObject({ outcome: 'unknown' });
    expect(folds.get(vmId).revision).toBe(-1);
    const { result } = await folds.change(vmId, (state) => ({ events: [], result: state.revision }));
    expect(result).toBe(1);
  });

  it('decide again on what another process wrote first', async () => {
    await store.append(`vm-${vmId}`, 'no-stream', events(history.requested(), 'another process'));
    const seen: number[] = [];
    await folds.change(vmId, (state) => {
      seen.push(state.revision);
      return { events: events([fact.placed()], 'cause'), result: undefined };
    });
    expect(seen).toEqual([-1, 1]);
    expect((await stored()).map((event) => event.type)).toEqual(['VmRequested', 'OperationBegan', 'VmPlaced']);
  });

  it('take a repeated append for done, and read what the stream holds', async () => {
    await store.append(`vm-${vmId}`, 'no-stream', events(history.requested(), 'cause'));
    const { state } = await append(history.requested(), 'cause');
    expect(state.revision).toBe(1);
    expect(await stored()).toHaveLength(2);
  });

  it('know whose operations are open and which VMs a host has', async () => {
    await append(history.placed());
    expect([...folds.openVms]).toEqual([vmId]);
    expect([...folds.vmsOf(hostA)]).toEqual([vmId]);
    await append([fact.cancelled('create'), fact.deleted()], 'end');
    expect([...folds.openVms]).toEqual([]);
    expect([...folds.vmsOf(hostA)]).toEqual([]);
  });

  it('refuse to go on where an event is missing', () => {
    const later = { ...(events([fact.placed()], 'cause')[0] as NewVmEvent), stream: `vm-${vmId}`, revision: 2 };
    expect(() => folds.follow(later as StoredVmEvent)).toThrow('came after -1');
  });
});
