import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { operationIdSchema, vmIdSchema, type VmId } from '@drover/contracts';
import { createMemoryGateway, type MemoryGateway } from '../../../testing/memory-gateway.js';
import { takeVmCommands } from '../../../testing/fleet-story.js';

interface Answered {
  readonly operation: { readonly id: string };
  readonly vm: { readonly id: string; readonly name: string };
}

describe('an Idempotency-Key', () => {
  let gateway: MemoryGateway;
  beforeEach(async () => {
    gateway = await createMemoryGateway();
    takeVmCommands(gateway.commands, gateway.story);
  });
  afterEach(() => gateway.stop());

  type Method = 'DELETE' | 'POST';
  const ask = (method: Method, url: string, payload?: object, key?: string) =>
    gateway.ask({
      method,
      url: `/api/v1${url}`,
      ...(payload === undefined ? {} : { payload }),
      headers: key === undefined ? {} : { 'idempotency-key': key },
    });

  const create = async (name: string, key?: string): Promise<VmId> =>
    vmIdSchema.parse((await ask('POST', '/vms', { name }, key)).json<Answered>().vm.id);

  /** What vm-manager records when the last step is done. */
  const ends = ({ operation, vm }: Answered, isDelete = true) =>
    gateway.story.onVm(
      vmIdSchema.parse(vm.id),
      { type: 'OperationSucceeded', data: { operationId: operationIdSchema.parse(operation.id) } },
      ...(isDelete ? [{ type: 'VmDeleted' as const, data: {} }] : []),
    );

  const sent = () => gateway.commands.sent.splice(0).map(({ subject }) => subject);

  it.each([
    ['DELETE', '/vms/a'],
    ['POST', '/vms/a/start'],
    ['POST', '/vms/a/stop'],
  ] as const)('on %s %s gives a repeat the first answer, and sends nothing', async (method, url) => {
    await create('a');
    const first = await ask(method, url, undefined, 'k1');
    await ends(first.json<Answered>(), method === 'DELETE');
    sent();
    // A body that says what is so without it asks the same.
    for (const body of [undefined, ...(url.endsWith('stop') ? [{ mode: 'graceful' }] : [])]) {
      const repeat = await ask(method, url, body, 'k1');
      expect(repeat.statusCode).toBe(202);
      expect(repeat.json()).toEqual(first.json());
      expect(repeat.headers['location']).toBe(first.headers['location']);
      expect(repeat.headers['drover-position']).toMatch(/^\d+$/);
    }
    expect(sent()).toEqual([]);
  });

  it.each([
    ['DELETE', '/vms/a'],
    ['POST', '/vms/a/start'],
    ['POST', '/vms/a/stop'],
  ] as const)('on %s %s leaves the VM alone that has the name at the repeat', async (method, url) => {
    const old = await create('a');
    const first = await ask(method, url, undefined, 'k1');
    await ends(first.json<Answered>(), method === 'DELETE');
    if (method !== 'DELETE') await ends((await ask('DELETE', '/vms/a')).json<Answered>());
    const successor = await create('a');
    expect(successor).not.toBe(old);
    const before = await gateway.store.head();
    sent();
    const repeat = await ask(method, url, undefined, 'k1');
    expect(repeat.statusCode).toBe(202);
    expect(repeat.json()).toEqual(first.json());
    expect(sent()).toEqual([]);
    expect(await gateway.store.head()).toBe(before);
  });

  it('gives a repeat that waits the end and the VM as it was deleted', async () => {
    const id = await create('a');
    const first = await ask('DELETE', '/vms/a', undefined, 'k1');
    await ends(first.json<Answered>());
    const repeat = await ask('DELETE', '/vms/a?wait=1s', undefined, 'k1');
    expect(repeat.statusCode).toBe(200);
    expect(repeat.json()).toMatchObject({
      operation: { id: first.json<Answered>().operation.id, state: 'SUCCEEDED' },
      vm: { id, deletedAt: expect.any(String) },
    });
  });

  it('that comes again with another body is refused, and what was done is named', async () => {
    await create('a');
    const first = await ask('POST', '/vms/a/stop', { mode: 'graceful' }, 'k1');
    for (const isEnded of [false, true]) {
      if (isEnded) await ends(first.json<Answered>(), false);
      sent();
      const other = await ask('POST', '/vms/a/stop', { mode: 'force' }, 'k1');
      expect(other.statusCode).toBe(422);
      expect(other.json()).toMatchObject({
        code: 'IDEMPOTENCY_KEY_REUSED',
        field: 'idempotency-key',
        data: { operationId: first.json<Answered>().operation.id },
      });
      expect(sent()).toEqual([]);
    }
    expect((await ask('POST', '/vms/a/stop', { mode: 'force' }, 'k2')).statusCode).toBe(202);
  });

  it('is not shown what its operation was recognised by', async () => {
    await create('a', 'k0');
    const { items } = (await ask('GET' as Method, '/operations')).json<{ items: object[] }>();
    expect(items).toHaveLength(1);
    expect(items[0]).not.toHaveProperty('requestDigest');
  });

  it('recognises a repeat by the VM’s id as well', async () => {
    const id = await create('a');
    const first = await ask('DELETE', `/vms/${id}`, undefined, 'k1');
    await ends(first.json<Answered>());
    expect((await ask('DELETE', `/vms/${id}`, undefined, 'k1')).json()).toEqual(first.json());
  });

  it('makes the same command again while the read model does not show the first one yet', async () => {
    await create('a');
    gateway.commands.respond = () => ({ kind: 'rejected', rejection: { code: 'VM_BUSY', detail: 'held' } });
    await ask('POST', '/vms/a/stop', {}, 'k1');
    await ask('POST', '/vms/a/stop', { mode: 'force' }, 'k1');
    await ask('POST', '/vms/a/start', {}, 'k1');
    const [, first, repeat, other] = gateway.commands.sent.map(({ message }) => 'commandId' in message && message);
    expect(repeat).toMatchObject({ commandId: first && first.commandId });
    expect(other).not.toMatchObject({ commandId: first && first.commandId });
  });

  it('of one VM is no key of another', async () => {
    await create('a');
    await create('b');
    await ask('DELETE', '/vms/a', undefined, 'k1');
    sent();
    expect((await ask('DELETE', '/vms/b', undefined, 'k1')).json<Answered>().vm.name).toBe('b');
    expect(sent()).toEqual(['vm.delete']);
  });

  it('that was never used does not bring a deleted VM back', async () => {
    await create('a');
    await ends((await ask('DELETE', '/vms/a', undefined, 'k1')).json<Answered>());
    for (const key of [undefined, 'k2']) {
      expect((await ask('DELETE', '/vms/a', undefined, key)).json()).toMatchObject({ code: 'VM_NOT_FOUND' });
    }
  });
});
