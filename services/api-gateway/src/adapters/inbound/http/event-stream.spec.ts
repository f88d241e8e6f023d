import { describe, expect, it } from '@jest/globals';
import { START } from '@drover/contracts';
import { createMemoryEventStore } from '@drover/event-store';
import { FleetStory, hostIdOf, strayFound, vmIdOf } from '../../../testing/fleet-story.js';
import { letsThrough } from './event-stream.js';

describe('events of one host', () => {
  it('are those of its own stream, those that name it, and those of its strays', async () => {
    const store = createMemoryEventStore();
    const story = new FleetStory(store);
    for (const name of ['h1', 'h2']) {
      const hostId = await story.host(name);
      await story.placed(vmIdOf(name), hostId);
      await story.onStrays(hostId, strayFound(vmIdOf('a'), story.seen(hostId).source, 'unknown'));
    }
    const events = await store.readAll(START, { limit: 100 });
    const host = hostIdOf('h1');
    const through = events.events.filter((event) => letsThrough({ host }, event));
    expect(through.map(({ stream, type }) => [stream, type])).toEqual([
      [`host-${host}`, 'HostRegistered'],
      [`vm-${vmIdOf('h1')}`, 'VmPlaced'],
      [`strays-${host}`, 'StrayFound'],
    ]);
  });
});
