import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { errors, type HostOrderAnswer } from '@drover/contracts';
import { createMemoryEventStore, type EventStore } from '@drover/event-store';
import { hosts, operationId, RemovalBench, thing } from './testing/removal.js';

const [hostA, hostB] = hosts;

describe('an operation that two hosts have to work on', () => {
  let store: EventStore;
  let bench: RemovalBench;
  const types = async () => (await store.read(`vm-${thing}`)).map(({ type }) => type);

  beforeEach(() => {
    store = createMemoryEventStore();
    bench = new RemovalBench(store);
    bench.activate();
  });
  afterEach(() => store.close());

  it('goes to both at the same time, waits for the last, and ends once', async () => {
    await bench.begin();
    await bench.settled();
    expect(bench.sent).toEqual([hostA, hostB]);
    await bench.removed(hostB);
    await bench.settled();
    expect(bench.state.left).toEqual([hostA]);
    await bench.removed(hostA);
    await bench.settled();
    expect(await types()).toEqual(['OperationBegan', 'VmDriftSettled', 'VmDriftSettled', 'OperationSucceeded']);
    expect(bench.sent).toEqual([hostA, hostB]);
    expect(bench.operations.open.size).toBe(0);
  });

  it('repeats the order of the host that does not answer, and not the other', async () => {
    bench.answers.set(hostB, () => Promise.reject(errors.TIMED_OUT('unknown', 'no answer')));
    await bench.begin();
    await bench.settled();
    for (let count = 0; count < 3; count += 1) {
      bench.clock.advance(1_000);
      await bench.settled();
    }
    expect(bench.sent.filter((hostId) => hostId === hostA)).toHaveLength(1);
    expect(bench.sent.filter((hostId) => hostId === hostB).length).toBeGreaterThan(2);
    expect(bench.operations.deliveryOf(thing, operationId)).toBe('taken');
  });

  it('sends again to the host that opens its lane, and only to that', async () => {
    await bench.begin();
    await bench.settled();
    bench.operations.hostOpened(hostA);
    bench.clock.advance(1);
    await bench.settled();
    expect(bench.sent).toEqual([hostA, hostB, hostA]);
  });

  it('counts its time only while both hosts are heard', async () => {
    await bench.begin();
    await bench.settled();
    const minute = async (...heard: typeof hosts | [typeof hostA]) => {
      for (const hostId of heard) bench.hearing.heard(hostId);
      bench.clock.advance(61_000);
      await bench.settled();
    };
    // The part of its age before a host had it counts: it began in this term.
    await minute(hostA);
    expect((await types()).at(-1)).toBe('OperationBegan');
    await minute(hostA, hostB);
    expect((await types()).at(-1)).toBe('OperationFailed');
  });

  it('ends by the answer of one host, and what waited for the other is called off', async () => {
    const pending = Promise.withResolvers<HostOrderAnswer>();
    bench.answers.set(hostA, () => pending.promise);
    const newest = { generation: { epoch: 1, n: 2 }, revision: 9 };
    bench.answers.set(hostB, () => Promise.resolve({ kind: 'superseded', newest }));
    await bench.begin();
    await bench.settled();
    expect((await types()).at(-1)).toBe('OperationFailed');
    pending.resolve({ kind: 'superseded', newest });
    await bench.settled();
    expect(await types()).toEqual(['OperationBegan', 'OperationFailed']);
  });

  it('sends no first copy while a decision depends on that, and may have sent one before this term', async () => {
    let release = (): void => undefined;
    const holding = bench.operations.holding(thing, () => new Promise<void>((resolve) => (release = resolve)));
    await bench.begin();
    await bench.settled();
    expect(bench.sent).toEqual([]);
    expect(bench.operations.deliveryOf(thing, operationId)).toBe('unsent');
    release();
    await holding;
    bench.clock.advance(1_000);
    await bench.settled();
    expect(bench.sent).toEqual([hostA, hostB]);
    bench.operations.deactivate();
    bench.activate();
    expect(bench.operations.deliveryOf(thing, operationId)).toBe('unanswered');
  });

  it('appends nothing once the lease is lost, and is taken up by the next term', async () => {
    await bench.begin();
    bench.operations.deactivate();
    bench.isHolding = false;
    await bench.removed(hostA);
    await bench.removed(hostB);
    await bench.settled();
    expect((await types()).at(-1)).toBe('VmDriftSettled');
    bench.isHolding = true;
    bench.activate();
    await bench.settled();
    expect((await types()).at(-1)).toBe('OperationSucceeded');
  });
});
