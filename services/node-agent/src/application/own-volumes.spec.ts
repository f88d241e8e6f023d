import { setImmediate } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { VmOrder } from '@drover/contracts';
import { simulatedVolumeName } from '@drover/hypervisor';
import { MemoryJournal } from '../adapters/outbound/journal/memory-journal.adapter.js';
import { HostBench, type HostBenchOptions } from '../testing/host-bench.js';
import { VmOrders } from '../testing/host-orders.js';

const vm = new VmOrders('a');
const twoDisks = {
  spec: {
    disks: [
      { name: 'root', image: 'guest' },
      { name: 'data', sizeMiB: 1 },
    ],
  },
};
const root = simulatedVolumeName(vm, 'root');
const data = simulatedVolumeName(vm, 'data');

const benches: HostBench[] = [];
afterEach(async () => {
  for (const bench of benches.splice(0)) await bench.agent.stop();
});

async function startedBench(options: HostBenchOptions = {}): Promise<HostBench> {
  const bench = new HostBench(options);
  benches.push(bench);
  await bench.start();
  return bench;
}

async function resultOf(bench: HostBench, order: VmOrder) {
  expect(await bench.controlPlane.order(order)).toEqual({ kind: 'taken' });
  return (await bench.controlPlane.end(order)).result;
}

const names = ({ machine }: HostBench): string[] => Array.from(machine.volumes(), ({ name }) => name).sort();

async function untilVolumesAre(bench: HostBench, expected: readonly string[]): Promise<void> {
  const giveUpAtMs = performance.now() + 4_000;
  while (names(bench).join() !== expected.join()) {
    // A loop that outlived its test would keep the process from ending.
    if (performance.now() > giveUpAtMs) throw new Error(`the volumes are still ${names(bench).join()}`);
    await setImmediate();
  }
}

describe('the volumes of a VM', () => {
  it.each([
    ['first', root],
    ['second', data],
  ])('that a create made go with its undo, and a foreign %s one stays', async (_, foreign) => {
    const bench = await startedBench();
    bench.machine.addForeignVolume('default', foreign);
    expect(await resultOf(bench, vm.create(1, twoDisks))).toMatchObject({
      kind: 'failed',
      step: 'create-volumes',
      error: { code: 'VOLUME_FOREIGN' },
      undone: ['create-volumes'],
      left: [],
    });
    expect(names(bench)).toEqual([foreign]);
    // Nor does a delete take it, which vm-manager sends where it does not know how far the create came.
    expect(await resultOf(bench, vm.plain('delete', 2))).toEqual({ kind: 'done', wasForced: false });
    expect(names(bench)).toEqual([foreign]);
  });

  it('stay when the undo is that of a later create, which made none of them', async () => {
    const bench = await startedBench();
    await resultOf(bench, vm.create(1, twoDisks));
    await resultOf(bench, vm.forceStop(2));
    bench.faults.add({ call: 'define', code: 'HYPERVISOR_FAILED', times: 1 });
    expect(await resultOf(bench, vm.create(3, twoDisks))).toMatchObject({ kind: 'failed', step: 'define' });
    expect(names(bench)).toEqual([data, root].sort());
  });

  it('that a delete cannot reach are told, and go when their pool is back', async () => {
    const bench = await startedBench();
    await resultOf(bench, vm.create(1, twoDisks));
    bench.machine.losePool('default');
    expect(await resultOf(bench, vm.plain('delete', 2))).toMatchObject({
      kind: 'done',
      left: [expect.stringContaining(root), expect.stringContaining('not active')],
    });
    expect(names(bench)).toHaveLength(2);
    bench.machine.findPool('default');
    await untilVolumesAre(bench, []);
  });

  it('that a delete had left go also after the agent was started again', async () => {
    const bench = await startedBench();
    await resultOf(bench, vm.create(1));
    bench.machine.losePool('default');
    await resultOf(bench, vm.plain('delete', 2));
    await bench.agent.stop();
    bench.machine.findPool('default');
    await bench.start();
    await untilVolumesAre(bench, []);
  });

  it('that an undo cannot reach are told as left, and go when their pool is back', async () => {
    const bench = await startedBench();
    const held = bench.faults.hold('define', vm.vmId);
    bench.faults.add({ call: 'define', code: 'HYPERVISOR_FAILED' });
    const result = resultOf(bench, vm.create(1));
    await held.reached;
    bench.machine.losePool('default');
    held.release();
    expect(await result).toMatchObject({ kind: 'failed', undone: [], left: [expect.stringContaining(root)] });
    bench.machine.findPool('default');
    await untilVolumesAre(bench, []);
  });

  it('that are gone or of another size are told in the full list', async () => {
    const bench = await startedBench();
    await resultOf(bench, vm.create(1, twoDisks));
    bench.machine.putVolume({ pool: 'default', name: data, sizeMiB: 2 });
    bench.machine.removeVolume('default', root);
    const before = bench.fullLists();
    bench.machine.stopDaemon();
    bench.machine.startDaemon();
    await bench.controlPlane.when(() => (bench.fullLists() > before ? true : undefined), 'a full list');
    const list = bench.controlPlane.vmReports.findLast((report) => report.kind === 'full-list');
    expect(list?.kind === 'full-list' ? list.domains : []).toMatchObject([
      {
        volumeProblems: [
          { kind: 'missing', detail: expect.stringContaining(root) },
          { kind: 'size', detail: expect.stringContaining('has 2 MiB, and was made with 1 MiB') },
        ],
      },
    ]);
  });

  it('are deleted as vm-manager names them where the journal is a new one', async () => {
    const bench = await startedBench();
    const created = await resultOf(bench, vm.create(1, twoDisks));
    if (created.kind !== 'done' || created.definition === undefined) throw new Error('the create failed');
    await bench.agent.stop();
    await bench.start({ journal: new MemoryJournal() });
    const volumes = created.definition.disks.map(({ pool, volume }) => ({ pool, volume }));
    const removal = vm.plain('delete', 2);
    await resultOf(bench, removal.kind === 'delete' ? { ...removal, volumes } : removal);
    expect(names(bench)).toEqual([]);
  });
});
