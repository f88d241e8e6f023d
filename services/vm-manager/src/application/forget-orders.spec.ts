import { beforeEach, describe, expect, it } from '@jest/globals';
import { DEFAULT_PROJECT, vmIdSchema, type OrderRank } from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';
import { command, hostA, hostB, user, VmManagerBench, vmId, vmOf } from '../testing/index.js';

const forged: OrderRank = { generation: { epoch: 1, n: 1 }, revision: 2_147_483_647 };

describe('an order that stands in a host’s journal and was never given', () => {
  let bench: VmManagerBench;

  beforeEach(async () => {
    bench = await VmManagerBench.started();
    await bench.command('create', 'create');
    await bench.ended('create');
    bench.hosts.host(hostA).forge(vmId, forged);
  });

  const forget = (hostId = hostA, id = vmId) =>
    bench.manager.forgetOrders.handle({
      ...{ commandId: command('forget'), actor: user, projectId: DEFAULT_PROJECT, vmId: id, hostId },
    });
  const stop = async (name: string) => {
    await bench.command('stop', name, { mode: 'force', gracePeriodMs: 0 });
    return (await bench.ended(name)).type;
  };
  const lowerings = async () => (await bench.events()).filter(({ type }) => type === 'VmOrderLoweringRequested');

  it('voids true orders until an operator has it lowered, and then they are carried out', async () => {
    expect(await stop('voided')).toBe('OperationFailed');
    expect(await forget()).toMatchObject({ kind: 'answered', value: { subjectId: vmId } });
    expect(await stop('carried-out')).toBe('OperationSucceeded');
    expect(bench.hosts.host(hostA).power.get(vmId)).toBe('STOPPED');
  });

  it('is named in an event with who had it lowered, once, and nothing is where there is none', async () => {
    await forget();
    await forget();
    expect(await lowerings()).toMatchObject([{ data: { hostId: hostA, from: forged }, meta: { actor: user } }]);
  });

  it('is not the order that was given and is under way: that stays known, and a repeat of it does nothing', async () => {
    bench = await VmManagerBench.started();
    await bench.command('create', 'create');
    await bench.ended('create');
    bench.hosts.host(hostA).isHung = true;
    await bench.command('reset', 'reset');
    await bench.until(() => bench.hosts.sent.some(({ order }) => order.kind === 'reset'));
    expect(await forget()).toMatchObject({ kind: 'answered', value: { subjectId: vmId } });
    expect(await lowerings()).toEqual([]);
    const reset = bench.hosts.sent.find(({ order }) => order.kind === 'reset')?.order;
    expect(bench.hosts.host(hostA).newest(vmId)).toMatchObject({ revision: reset?.revision });
  });

  it('is not told as lowered while an order before it has not ended, and then it is', async () => {
    const host = bench.hosts.host(hostA);
    host.isUnsettled = true;
    await expect(forget()).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    expect([await lowerings(), host.newest(vmId)]).toEqual([[], forged]);
    host.isUnsettled = false;
    await forget();
    expect(await lowerings()).toMatchObject([{ data: { from: forged } }]);
    expect(await stop('carried-out')).toBe('OperationSucceeded');
  });

  it('is named each, where a repeat of the command finds another', async () => {
    await forget();
    const next = { ...forged, revision: 1_000 };
    bench.hosts.host(hostA).forge(vmId, next);
    await forget();
    expect(await lowerings()).toMatchObject([{ data: { from: forged } }, { data: { from: next } }]);
    expect(await stop('carried-out')).toBe('OperationSucceeded');
  });

  it('stays where the host cannot be reached, and the operator is told', async () => {
    bench.hosts.host(hostA).isReachable = false;
    await expect(forget()).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    expect(await lowerings()).toEqual([]);
  });

  it('is lowered also on a host that the VM never was on, where it would keep the VM from being made', async () => {
    expect(await forget(hostB)).toMatchObject({ kind: 'answered' });
    expect(await lowerings()).toEqual([]);
    bench.hosts.host(hostB).forge(vmId, forged);
    await forget(hostB);
    expect(await lowerings()).toMatchObject([{ data: { hostId: hostB, from: forged } }]);
    expect(bench.hosts.host(hostB).newest(vmId)).toEqual({ generation: forged.generation, revision: 5 });
  });

  it('is not looked for of a VM that no host was given, nor of one that there is not', async () => {
    bench.scheduler.hosts.length = 0;
    await bench.command('create', 'without', { name: 'without' });
    const rejection = { code: 'HOST_WRONG_STATE' };
    expect(await forget(hostA, vmOf('without'))).toMatchObject({ kind: 'rejected', rejection });
    const missing = vmIdSchema.parse(derivedId('no', 'vm'));
    expect(await forget(hostA, missing)).toMatchObject({ kind: 'rejected', rejection: { code: 'VM_NOT_FOUND' } });
  });
});
