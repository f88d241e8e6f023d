import { describe, expect, it } from '@jest/globals';
import { hostA, operationOf, vmId } from '../testing/vm-facts.js';
import { VmManagerBench } from '../testing/vm-manager-bench.js';

const force = { mode: 'force', gracePeriodMs: 0 } as const;

describe('a vm-manager that starts from a snapshot', () => {
  it('has the VMs, their names and their hosts as they were, and reads only what came after', async () => {
    const bench = await VmManagerBench.started();
    await bench.command('create', 'create');
    await bench.ended('create');
    await bench.saveSnapshot();
    await bench.command('stop', 'stop', force);
    await bench.ended('stop');
    const before = bench.state();
    await bench.crash();
    expect(bench.followed.map(({ type }) => type)).toEqual((await bench.types()).slice(bench.followed.length * -1));
    expect(bench.followed.length).toBeLessThan((await bench.events()).length);
    expect(bench.state()).toEqual(before);
    expect([...bench.manager.folds.vmsOf(hostA)]).toEqual([vmId]);
    expect(await bench.command('create', 'another', { name: 'web' })).toMatchObject({
      rejection: { code: 'VM_NAME_TAKEN', data: { vmId } },
    });
    expect(await bench.report(hostA)).toMatchObject({ kind: 'answered' });
  });

  it('carries on what was open, under the same ids', async () => {
    const bench = await VmManagerBench.started();
    await bench.command('create', 'create');
    await bench.ended('create');
    bench.hosts.host(hostA).isHung = true;
    await bench.command('stop', 'stop', force);
    await bench.until(() => bench.hosts.sent.some(({ order }) => order.kind === 'stop'));
    await bench.saveSnapshot();
    await bench.crash();
    expect([...bench.manager.folds.openVms]).toEqual([vmId]);
    bench.hosts.host(hostA).resume();
    expect(await bench.ended('stop')).toMatchObject({ type: 'OperationSucceeded' });
    const stops = bench.hosts.sent.filter(({ order }) => order.kind === 'stop').map(({ order }) => order);
    expect(new Set(stops.map(({ orderId }) => orderId)).size).toBe(1);
    expect(stops[0]?.operationId).toBe(operationOf('stop'));
  });

  it('knows nothing of a VM that is over, and answers a late repeat of its command all the same', async () => {
    const bench = await VmManagerBench.started();
    await bench.command('create', 'create');
    await bench.ended('create');
    await bench.saveSnapshot();
    await bench.command('delete', 'delete');
    await bench.ended('delete');
    await bench.saveSnapshot();
    await bench.crash();
    expect(bench.manager.folds.size).toBe(0);
    expect(await bench.command('delete', 'delete')).toMatchObject({
      kind: 'answered',
      value: { operationId: operationOf('delete') },
    });
  });
});
