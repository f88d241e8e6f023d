import { beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '@drover/domain-kit';
import { createMemoryEventStore, type EventStore } from '@drover/event-store';
import { aFleet } from '../testing/index.js';
import { beginTerm } from './begin-term.handler.js';
import { claimStore } from './claim-store.handler.js';

describe('the term of an ha-manager', () => {
  let store: EventStore;

  beforeEach(async () => {
    store = createMemoryEventStore();
    await claimStore(store, aFleet, systemClock);
  });

  const begin = (holds = () => true) => beginTerm(store, systemClock, holds);

  it('is one more than that of the last, whatever else was lost meanwhile', async () => {
    expect(await begin()).toBe(1);
    expect(await begin()).toBe(2);
    expect(await begin()).toBe(3);
    expect((await store.read('cluster-default')).map(({ type }) => type)).toEqual([
      'ClusterCreated',
      ...Array.from({ length: 3 }, () => 'ClusterTermBegan'),
    ]);
  });

  it('is that of one alone when several begin at once', async () => {
    const terms = await Promise.all([begin(), begin(), begin()]);
    expect(terms.toSorted()).toEqual([1, 2, 3]);
  });

  it('does not begin when the lease is gone', async () => {
    expect(await begin(() => false)).toBeUndefined();
    expect(await store.read('cluster-default')).toHaveLength(1);
  });

  it('changes nothing of whose store it is', async () => {
    await begin();
    expect(await claimStore(store, aFleet, systemClock)).toMatchObject({ fleetId: aFleet, storeEpoch: 1 });
  });
});
