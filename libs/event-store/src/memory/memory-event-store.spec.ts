import { describe, expect, it } from '@jest/globals';
import { START } from '@drover/contracts';
import { anEvent, aStream } from '../testing/events.js';
import { deadLettersContract } from '../testing/dead-letters.contract.js';
import { eventStoreContract } from '../testing/event-store.contract.js';
import { createMemoryEventStore, type MemoryEventStore } from './memory-event-store.adapter.js';

describe('memory event store', () => {
  let opened: MemoryEventStore | undefined;
  eventStoreContract(
    async (upcasters = []) => {
      const store = createMemoryEventStore({ upcasters });
      opened = store;
      return { store, peers: [store], restoreOlderCopy: async (upTo) => store.restoreOlderCopy(upTo) };
    },
    async () => opened?.close(),
  );
  const { deadLetters } = createMemoryEventStore();
  deadLettersContract(() => deadLetters);

  it('keeps recorded times from decreasing when the clock steps back', async () => {
    let epochMs = 2_000;
    const store = createMemoryEventStore({ clock: { epochMs: () => epochMs, monotonicMs: () => 0 } });
    await store.append(aStream(), 'no-stream', [anEvent()]);
    epochMs = 1_000;
    await store.append(aStream(), 'no-stream', [anEvent()]);
    const { events } = await store.readAll(START);
    expect(events.map((event) => Date.parse(event.recordedAt))).toEqual([2_000, 2_000]);
  });
});
