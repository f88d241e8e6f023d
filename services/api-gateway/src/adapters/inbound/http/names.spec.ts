import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { VmId } from '@drover/contracts';
import { systemClock } from '@drover/domain-kit';
import { silentLogger } from '@drover/observability';
import { hostIdOf, vmIdOf } from '../../../testing/fleet-story.js';
import { createMemoryGateway, type MemoryGateway } from '../../../testing/memory-gateway.js';

describe('the name of a VM in the past', () => {
  let gateway: MemoryGateway;
  let nowMs = 0;
  beforeEach(async () => {
    gateway = await createMemoryGateway(silentLogger, { ...systemClock, epochMs: () => nowMs });
  });
  afterEach(() => gateway.stop());

  const time = (minute: number) => new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString();
  const at = (minute: number, tell: () => Promise<unknown>) => {
    nowMs = Date.parse(time(minute));
    return tell();
  };
  const requested = (seed: string) => gateway.story.requested('a', { vmId: vmIdOf(seed) });
  const deleted = (vmId: VmId) => gateway.story.onVm(vmId, { type: 'VmDeleted', data: {} });
  const ask = async (ref: string, minute: number) => {
    const answer = await gateway.ask({ method: 'GET', url: `/api/v1/vms/${ref}?at=${time(minute)}` });
    return answer.json<{ id?: string; code?: string; detail?: string; deletedAt?: string | null }>();
  };

  it('is that of the VM that had it then, and of none in between', async () => {
    let first = '' as VmId;
    let second = '' as VmId;
    await at(10, async () => (first = await requested('first')));
    await at(20, () => deleted(first));
    await at(30, async () => (second = await requested('second')));
    expect(await ask('a', 10)).toMatchObject({ id: first, deletedAt: null });
    expect(await ask('a', 19)).toMatchObject({ id: first, deletedAt: null });
    for (const minute of [20, 25]) {
      expect(await ask('a', minute)).toMatchObject({
        code: 'VM_NOT_FOUND',
        detail: `project default had no VM a at ${time(minute)}`,
      });
    }
    expect(await ask('a', 30)).toMatchObject({ id: second, deletedAt: null });
    expect(await ask('a', 9)).toMatchObject({ code: 'VM_NOT_FOUND' });
  });

  it('goes to the next VM in the very millisecond in which the first is gone', async () => {
    let second = '' as VmId;
    await at(10, async () => {
      await deleted(await requested('first'));
      second = await requested('second');
    });
    expect(await ask('a', 10)).toMatchObject({ id: second });
  });

  it('is not needed where the id is given: that VM is shown, deleted or not', async () => {
    let vmId = '' as VmId;
    await at(10, async () => (vmId = await requested('first')));
    await at(20, () => deleted(vmId));
    expect(await ask(vmId, 15)).toMatchObject({ id: vmId, deletedAt: null });
    expect(await ask(vmId, 25)).toMatchObject({ id: vmId, deletedAt: time(20) });
    expect(await ask(vmId, 5)).toMatchObject({ code: 'VM_NOT_FOUND' });
  });
});

describe('the name of a host', () => {
  let gateway: MemoryGateway;
  beforeEach(async () => {
    gateway = await createMemoryGateway();
    await gateway.story.host('h1');
  });
  afterEach(() => gateway.stop());

  const requests = [
    ['GET', ''],
    ['POST', '/cordon'],
    ['POST', '/uncordon'],
  ] as const;

  it.each(requests)(
    'that several hosts have is refused in %s /hosts/{host}%s, with their ids',
    async (method, verb) => {
      await gateway.story.host('h2', { name: 'h1' });
      const hostIds = [hostIdOf('h1'), hostIdOf('h2')].sort();
      const answer = await gateway.ask({ method, url: `/api/v1/hosts/h1${verb}` });
      expect(answer.statusCode).toBe(400);
      expect(answer.json()).toMatchObject({ code: 'INVALID_FIELD', field: '{host}', data: { hostIds } });
      for (const id of hostIds) expect(answer.json<{ detail: string }>().detail).toContain(id);
      expect(gateway.commands.sent).toEqual([]);
    },
  );

  it.each(requests)('is told apart by the id in %s /hosts/{host}%s', async (method, verb) => {
    await gateway.story.host('h2', { name: 'h1' });
    gateway.commands.respond = () => ({ kind: 'answered', value: { subjectId: 'h', revision: 1, position: '1' } });
    const answer = await gateway.ask({ method, url: `/api/v1/hosts/${hostIdOf('h2')}${verb}` });
    expect(answer.statusCode).toBe(200);
    expect(JSON.stringify(answer.json())).toContain(hostIdOf('h2'));
  });
});
