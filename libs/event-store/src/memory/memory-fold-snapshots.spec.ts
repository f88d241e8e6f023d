import { foldSnapshotsContract } from '../testing/fold-snapshots.contract.js';
import { createMemoryEventStore } from './memory-event-store.adapter.js';

foldSnapshotsContract(
  async () => {
    const store = createMemoryEventStore();
    return { store, restoreOlderCopy: async (upTo) => store.restoreOlderCopy(upTo) };
  },
  async () => undefined,
);
