import { describe, expect, it } from '@jest/globals';
import type { VmFact } from '@drover/contracts';
import { createMemoryEventStore } from '@drover/event-store';
import { FleetStory, hostIdOf, operationIdOf, vmIdOf } from '../../testing/fleet-story.js';
import { MemoryFleetReads } from '../../testing/memory-fleet-reads.js';

async function fleet() {
  const store = createMemoryEventStore();
  const story = new FleetStory(store);
  await story.host('h1');
  await story.host('h2');
  const reads = new MemoryFleetReads(store);
  const vmId = vmIdOf('a');
  const drift = (
    type: 'VmDriftFound' | 'VmDriftSettled',
    kind: 'unknown' | 'edited' | 'superseded-copy',
    host: string,
  ) => {
    const hostId = hostIdOf(host);
    const data = { source: story.seen(hostId).source, hostId, kind };
    const fact: VmFact = type === 'VmDriftFound' ? { type, data: { ...data, detail: 'seen' } } : { type, data };
    return story.onVm(vmId, fact);
  };
  const straysOf = async (host: string) => (await reads.straysOn(hostIdOf(host))).map(({ kind }) => kind);
  const deleteVm = () => story.onVm(vmId, { type: 'VmDeleted', data: {} });
  return { story, drift, straysOf, deleteVm, reads };
}

describe('a domain of a VM that is not there', () => {
  it('is told of by its host where the VM was deleted, until it is settled', async () => {
    const { story, drift, straysOf, deleteVm, reads } = await fleet();
    await story.requested('a', { operationId: operationIdOf('a') });
    await deleteVm();
    await drift('VmDriftFound', 'unknown', 'h1');
    expect(await straysOf('h1')).toEqual(['unknown']);
    expect((await reads.stats()).vms.strays).toBe(1);
    await drift('VmDriftSettled', 'unknown', 'h1');
    expect(await straysOf('h1')).toEqual([]);
  });

  it('stays told of when the VM goes whose drift it was; what was said of the VM itself goes with it', async () => {
    const { story, drift, straysOf, deleteVm } = await fleet();
    await story.requested('a', { operationId: operationIdOf('a') });
    await drift('VmDriftFound', 'superseded-copy', 'h2');
    await drift('VmDriftFound', 'edited', 'h1');
    expect([await straysOf('h1'), await straysOf('h2')]).toEqual([[], []]);
    await deleteVm();
    expect([await straysOf('h1'), await straysOf('h2')]).toEqual([[], ['superseded-copy']]);
    await drift('VmDriftSettled', 'superseded-copy', 'h2');
    expect(await straysOf('h2')).toEqual([]);
  });

  it('is told of where the VM was never known', async () => {
    const { drift, straysOf } = await fleet();
    await drift('VmDriftFound', 'unknown', 'h1');
    expect(await straysOf('h1')).toEqual(['unknown']);
  });
});
