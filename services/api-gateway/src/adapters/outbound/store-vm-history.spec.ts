import { describe, expect, it } from '@jest/globals';
import { createMemoryEventStore } from '@drover/event-store';
import { FleetStory, operationIdOf } from '../../testing/fleet-story.js';
import { StoreVmHistory } from './store-vm-history.adapter.js';

describe('the history of a VM', () => {
  async function historyOf(events: number, charactersEach: number) {
    const store = createMemoryEventStore();
    const story = new FleetStory(store);
    const vmId = await story.requested('a');
    const failed = { operationId: operationIdOf('a'), step: 'start', code: 'HOST_FULL' as const, undone: [], left: [] };
    const data = { ...failed, reason: 'x'.repeat(charactersEach) };
    for (let count = 2; count < events; count += 1) await story.onVm(vmId, { type: 'OperationFailed', data });
    return { history: new StoreVmHistory(store), vmId };
  }

  it('comes in pages that end where their events are large, and leaves none out', async () => {
    const { history, vmId } = await historyOf(60, 200_000);
    const revisions: number[] = [];
    let pages = 0;
    for (let after: number | undefined = -1; after !== undefined; pages += 1) {
      const page: Awaited<ReturnType<typeof history.page>> = await history.page(vmId, after, 500);
      expect(page.items.length).toBeLessThan(25);
      revisions.push(...page.items.map(({ revision }) => revision));
      after = page.next;
    }
    expect(revisions).toEqual(Array.from({ length: 60 }, (_, index) => index));
    expect(pages).toBe(3);
  });

  it.each([1, 31, 32, 33, 49, 50, 51])('comes in pages of at most %i', async (limit) => {
    const { history, vmId } = await historyOf(50, 1);
    const page = await history.page(vmId, -1, limit);
    expect(page.items).toHaveLength(Math.min(50, limit));
    expect(page.next).toBe(limit < 50 ? limit - 1 : undefined);
  });
});
