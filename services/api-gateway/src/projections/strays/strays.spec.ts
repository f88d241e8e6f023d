import { describe, expect, it } from '@jest/globals';
import { createMemoryEventStore } from '@drover/event-store';
import { STRAYS } from '../../application/ports/fleet-reads.port.js';
import { FleetStory, hostIdOf, operationIdOf, strayFound, vmIdOf } from '../../testing/fleet-story.js';
import { MemoryFleetReads } from '../../testing/memory-fleet-reads.js';

async function fleet() {
  const store = createMemoryEventStore();
  const story = new FleetStory(store);
  const h1 = await story.host('h1');
  const h2 = await story.host('h2');
  const reads = new MemoryFleetReads(store);
  const straysOf = async (host: string) => {
    const { strays = [], leftOut = 0 } = (await reads.of(STRAYS).find(hostIdOf(host))) ?? {};
    return { strays: strays.map(({ kind }) => kind), leftOut };
  };
  const count = async () => (await reads.stats()).vms.strays;
  return { story, reads, h1, h2, straysOf, count };
}

describe('a domain of a VM that is not there', () => {
  it('is told of by the host that has it, with since when, until it has gone', async () => {
    const { story, reads, h1, straysOf, count } = await fleet();
    const vmId = vmIdOf('a');
    await story.onStrays(h1, strayFound(vmId, story.seen(h1).source, 'unknown'));
    expect((await reads.of(STRAYS).find(h1))?.strays).toMatchObject([
      { vmId, kind: 'unknown', title: 'web', powerState: 'RUNNING', at: expect.any(String) },
    ]);
    expect(await straysOf('h2')).toEqual({ strays: [], leftOut: 0 });
    expect(await count()).toBe(1);
    await story.onStrays(h1, { type: 'StrayGone', data: { source: story.seen(h1).source, vmId } });
    expect(await straysOf('h1')).toEqual({ strays: [], leftOut: 0 });
    expect(await count()).toBe(0);
  });

  it('is counted where it is over what is recorded of its host', async () => {
    const { story, h1, h2, straysOf, count } = await fleet();
    await story.onStrays(h1, strayFound(vmIdOf('a'), story.seen(h1).source, 'unknown'));
    await story.onStrays(h1, { type: 'StraysLeftOut', data: { source: story.seen(h1).source, count: 7 } });
    await story.onStrays(h2, strayFound(vmIdOf('a'), story.seen(h2).source, 'deleted'));
    expect(await straysOf('h1')).toEqual({ strays: ['unknown'], leftOut: 7 });
    expect(await straysOf('h2')).toEqual({ strays: ['deleted'], leftOut: 0 });
    expect(await count()).toBe(9);
  });

  it('is no VM, and no drift of the one that was deleted', async () => {
    const { story, reads, h1 } = await fleet();
    const vmId = await story.requested('a', { operationId: operationIdOf('a') });
    const { source } = story.seen(h1);
    const drift = { source, hostId: h1, kind: 'superseded-copy', detail: 'seen' } as const;
    await story.onVm(vmId, { type: 'VmDriftFound', data: drift }, { type: 'VmDeleted', data: {} });
    await story.onStrays(h1, strayFound(vmId, source, 'deleted'));
    await story.onStrays(h1, strayFound(vmIdOf('b'), source, 'unknown'));
    const stats = await reads.stats();
    expect(stats.vms).toMatchObject({ total: 0, strays: 2 });
    expect(await reads.findVmLastNamed('default' as never, 'a')).toBe(vmId);
  });
});
