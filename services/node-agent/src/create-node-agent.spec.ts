import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { orderIdSchema, fleetIdSchema, vmIdSchema, type VmChanged } from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';
import type { Hypervisor } from '@drover/hypervisor';
import { MemoryJournal } from './adapters/outbound/journal/memory-journal.adapter.js';
import { HostBench, type HostBenchOptions } from './testing/host-bench.js';
import { VmOrders } from './testing/host-orders.js';

const benches: HostBench[] = [];

async function startedBench(options: HostBenchOptions = {}): Promise<HostBench> {
  const bench = new HostBench(options);
  benches.push(bench);
  await bench.start();
  return bench;
}

/** A bench with a running VM, created by revision 1. */
async function benchWithVm(options: HostBenchOptions = {}): Promise<{ bench: HostBench; vm: VmOrders }> {
  const bench = await startedBench(options);
  const vm = new VmOrders('a');
  await done(bench, vm.create(1));
  return { bench, vm };
}

async function done(bench: HostBench, order: Parameters<HostBench['controlPlane']['order']>[0]) {
  expect(await bench.controlPlane.order(order)).toEqual({ kind: 'taken' });
  return bench.controlPlane.end(order);
}

function changes(bench: HostBench): VmChanged[] {
  return bench.controlPlane.vmReports.filter((report): report is VmChanged => report.kind === 'vm-changed');
}

/** What was reported of VMs by themselves, once a report made after all of it has arrived. */
async function settledChanges(bench: HostBench): Promise<VmChanged[]> {
  await done(bench, new VmOrders('marker').create(1, { powerOn: false }));
  return changes(bench);
}

afterEach(async () => {
  for (const bench of benches.splice(0)) await bench.agent.stop();
});

describe('carrying out orders', () => {
  it('carries a VM through create, stop, start and delete, and leaves nothing', async () => {
    const { bench, vm } = await benchWithVm();
    const [created] = bench.controlPlane.ends(vm.create(1).orderId);
    expect(created).toMatchObject({ powerState: 'RUNNING', result: { kind: 'done', wasForced: false } });
    const settled = created?.result.kind === 'done' ? created.result.definition : undefined;
    expect(settled?.disks).toHaveLength(1);
    expect(await done(bench, vm.stop(5))).toMatchObject({
      powerState: 'STOPPED',
      result: { kind: 'done', wasForced: false },
    });
    const start = vm.start(8, settled === undefined ? {} : { settled });
    expect(await done(bench, start)).toMatchObject({ powerState: 'RUNNING', result: { kind: 'done' } });
    expect(bench.machine.domain(vm.vmId)?.mark?.lastOrderId).toBe(start.orderId);
    expect(await done(bench, vm.plain('delete', 11))).toMatchObject({ powerState: 'ABSENT', result: { kind: 'done' } });
    expect([...bench.machine.domains()]).toEqual([]);
    expect([...bench.machine.volumes()]).toEqual([]);
    expect(changes(bench)).toEqual([]);
  });

  it('creates a VM without starting it', async () => {
    const bench = await startedBench();
    expect(await done(bench, new VmOrders('a').create(1, { powerOn: false }))).toMatchObject({
      powerState: 'STOPPED',
    });
  });

  it('stops a VM by force when its guest does not obey in the grace period, and says so', async () => {
    const { bench, vm } = await benchWithVm();
    bench.machine.guestIgnoresAcpi(vm.vmId);
    expect(await done(bench, vm.stop(2, 20))).toMatchObject({
      powerState: 'STOPPED',
      result: { kind: 'done', wasForced: true },
    });
  });

  it('asks a guest again that was still booting when it was asked to power off', async () => {
    const { bench, vm } = await benchWithVm({ timings: { askGuestAgainMs: 1 } });
    bench.machine.guestIgnoresAcpi(vm.vmId);
    const first = bench.faults.hold('requestShutdown', vm.vmId);
    const stopped = done(bench, vm.stop(2, 60_000));
    await first.reached;
    const second = bench.faults.hold('requestShutdown', vm.vmId);
    first.release();
    await second.reached;
    bench.machine.guestIgnoresAcpi(vm.vmId, false);
    second.release();
    expect(await stopped).toMatchObject({ powerState: 'STOPPED', result: { kind: 'done', wasForced: false } });
  });

  it('resets a VM whose guest does not reboot in the grace period', async () => {
    const { bench, vm } = await benchWithVm();
    bench.machine.guestIgnoresAcpi(vm.vmId);
    expect(await done(bench, vm.reboot(2, 20))).toMatchObject({
      powerState: 'RUNNING',
      result: { kind: 'done', wasForced: true },
    });
    expect(bench.machine.domain(vm.vmId)?.boots).toBe(2);
  });

  it('lets an obeying guest reboot once', async () => {
    const { bench, vm } = await benchWithVm();
    expect(await done(bench, vm.reboot(2))).toMatchObject({ result: { kind: 'done', wasForced: false } });
    expect(bench.machine.domain(vm.vmId)?.boots).toBe(2);
  });

  it('stops a hung VM by force after the grace period', async () => {
    const { bench, vm } = await benchWithVm();
    bench.machine.hang(vm.vmId);
    expect(await done(bench, vm.stop(2, 20))).toMatchObject({ powerState: 'STOPPED', result: { wasForced: true } });
  });

  it.each(['pause', 'resume', 'reset'] as const)('asks a hung VM only once to %s', async (kind) => {
    const bench = new HostBench();
    benches.push(bench);
    const asked = jest.fn();
    const watched = (driver: Hypervisor): Hypervisor => {
      const call = driver[kind].bind(driver);
      driver[kind] = (vmId) => {
        asked(vmId);
        return call(vmId);
      };
      return driver;
    };
    await bench.start({ hypervisor: watched });
    const vm = new VmOrders('a');
    await done(bench, vm.create(1));
    bench.machine.hang(vm.vmId);
    expect(await done(bench, vm.plain(kind, 2))).toMatchObject({
      powerState: 'UNRESPONSIVE',
      result: { kind: 'failed', step: kind, error: { code: 'VM_UNRESPONSIVE', outcome: 'unknown' } },
    });
    expect(asked.mock.calls).toEqual([[vm.vmId]]);
  });

  it('takes "already so" as done', async () => {
    const { bench, vm } = await benchWithVm();
    expect(await done(bench, vm.start(2))).toMatchObject({ powerState: 'RUNNING', result: { kind: 'done' } });
    expect(await done(bench, vm.forceStop(3))).toMatchObject({ result: { kind: 'done' } });
    expect(await done(bench, vm.stop(4))).toMatchObject({
      powerState: 'STOPPED',
      result: { kind: 'done', wasForced: false },
    });
    expect(await done(bench, vm.plain('delete', 5))).toMatchObject({ result: { kind: 'done' } });
    expect(await done(bench, vm.plain('delete', 6))).toMatchObject({ powerState: 'ABSENT', result: { kind: 'done' } });
    expect(bench.machine.domain(vm.vmId)).toBeUndefined();
  });

  it.each(['pause', 'resume', 'reset'] as const)('fails to %s a stopped VM, with the state it is in', async (kind) => {
    const { bench, vm } = await benchWithVm();
    await done(bench, vm.forceStop(2));
    const end = await done(bench, vm.plain(kind, 3));
    expect(end.result).toMatchObject({
      kind: 'failed',
      step: 'inspect',
      error: { code: 'VM_WRONG_STATE' },
      undone: [],
      left: [],
    });
    expect(end.powerState).toBe('STOPPED');
  });

  it('defines a VM again at its start when its definition is gone, as it was settled', async () => {
    const { bench, vm } = await benchWithVm();
    const settled = bench.machine.domain(vm.vmId)?.settled;
    if (settled === undefined) throw new Error('the VM was not settled');
    await done(bench, vm.forceStop(2));
    bench.machine.undefineBehindBack(vm.vmId);
    const end = await done(bench, vm.start(3, { settled }));
    expect(end).toMatchObject({ powerState: 'RUNNING', result: { kind: 'done', definition: settled } });
  });

  it('defines a VM again at its start when its spec has changed', async () => {
    const { bench, vm } = await benchWithVm();
    await done(bench, vm.forceStop(2));
    const spec = { memory: { sizeMiB: 256 }, disks: [{ name: 'root', image: 'guest' }] };
    await done(bench, vm.start(3, { spec }));
    expect(bench.machine.domain(vm.vmId)?.memoryMiB).toBe(256);
  });

  it('leaves a definition that somebody edited as it is at a start', async () => {
    const { bench, vm } = await benchWithVm();
    await done(bench, vm.forceStop(2));
    bench.machine.edit(vm.vmId);
    const edited = bench.machine.domain(vm.vmId)?.settled;
    await done(bench, vm.start(3));
    expect(bench.machine.domain(vm.vmId)?.settled).toEqual(edited);
  });
});

describe('failures', () => {
  it.each([
    ['createVolumes', 'create-volumes', ['create-volumes']],
    ['define', 'define', ['create-volumes']],
    ['start', 'start', ['define', 'create-volumes']],
  ] as const)('undoes a create whose %s fails', async (call, step, undone) => {
    const bench = await startedBench();
    bench.faults.add({ call, code: 'HYPERVISOR_FAILED' });
    const end = await done(bench, new VmOrders('a').create(1));
    expect(end).toMatchObject({
      powerState: 'ABSENT',
      result: { kind: 'failed', step, error: { code: 'HYPERVISOR_FAILED', outcome: 'not-applied' }, undone, left: [] },
    });
    expect([...bench.machine.domains(), ...bench.machine.volumes()]).toEqual([]);
  });

  it('says what is left when an undo fails, and does not pull volumes from under a VM', async () => {
    const bench = await startedBench();
    bench.faults.add({ call: 'start', code: 'HYPERVISOR_FAILED' });
    bench.faults.add({ call: 'undefine', code: 'HYPERVISOR_FAILED' });
    const end = await done(bench, new VmOrders('a').create(1));
    expect(end.result).toMatchObject({
      kind: 'failed',
      step: 'start',
      undone: [],
      left: [expect.stringContaining('define: HYPERVISOR_FAILED'), 'create-volumes: not undone'],
    });
    expect([...bench.machine.volumes()]).toHaveLength(1);
  });

  it('takes a start as done that timed out and took effect', async () => {
    const bench = await startedBench();
    bench.faults.add({ call: 'start', code: 'TIMED_OUT', takesEffect: true });
    expect(await done(bench, new VmOrders('a').create(1))).toMatchObject({
      powerState: 'RUNNING',
      result: { kind: 'done' },
    });
  });

  it.each(['createVolumes', 'define', 'start', 'observe', 'list'] as const)(
    'repeats %s once when its outcome is unknown',
    async (call) => {
      const bench = await startedBench();
      bench.faults.add({ call, code: 'TIMED_OUT', takesEffect: true, times: 1 });
      expect(await done(bench, new VmOrders('a').create(1))).toMatchObject({ powerState: 'RUNNING' });
    },
  );

  it.each(['HYPERVISOR_UNAVAILABLE', 'TIMED_OUT', 'HYPERVISOR_FAILED'] as const)(
    'resets once: one that may have happened before the answer was lost (%s) is told, not repeated',
    async (code) => {
      const { bench, vm } = await benchWithVm();
      bench.faults.add({ call: 'reset', code, takesEffect: true });
      expect((await done(bench, vm.plain('reset', 2))).result).toMatchObject({
        kind: 'failed',
        step: 'reset',
        error: { code, outcome: 'unknown', detail: 'reset was made to fail; it may have happened all the same' },
      });
      expect(bench.machine.domain(vm.vmId)?.boots).toBe(2);
    },
  );

  it('resets after all where the hypervisor was certainly not reached before', async () => {
    const { bench, vm } = await benchWithVm();
    bench.faults.add({ call: 'reset', code: 'HYPERVISOR_UNAVAILABLE', times: 2 });
    expect((await done(bench, vm.plain('reset', 2))).result.kind).toBe('done');
    expect(bench.machine.domain(vm.vmId)?.boots).toBe(2);
  });

  it('waits for a hypervisor that is away for a while', async () => {
    const { bench, vm } = await benchWithVm();
    bench.machine.stopDaemon();
    expect(await bench.controlPlane.order(vm.forceStop(2))).toEqual({ kind: 'taken' });
    bench.machine.startDaemon();
    expect(await bench.controlPlane.end(vm.forceStop(2))).toMatchObject({
      powerState: 'STOPPED',
      result: { kind: 'done' },
    });
  });

  it('fails an order when the hypervisor stays away', async () => {
    const { bench, vm } = await benchWithVm({ timings: { hypervisorPatienceMs: 10 } });
    bench.machine.stopDaemon();
    expect(await done(bench, vm.forceStop(2))).toMatchObject({
      powerState: 'UNRESPONSIVE',
      result: { kind: 'failed', error: { code: 'HYPERVISOR_UNAVAILABLE', outcome: 'not-applied' } },
    });
    bench.machine.startDaemon();
  });

  it('reports the failure of an image that is missing, and leaves nothing', async () => {
    const bench = await startedBench();
    const end = await done(
      bench,
      new VmOrders('a').create(1, { spec: { disks: [{ name: 'root', image: 'missing' }] } }),
    );
    expect(end.result).toMatchObject({
      kind: 'failed',
      step: 'create-volumes',
      error: { code: 'IMAGE_NOT_FOUND' },
      left: [],
    });
    expect(end.result.kind === 'failed' && end.result.error.outcome).toBeUndefined();
  });

  it('refuses an order while its journal cannot be written, and takes it afterwards', async () => {
    const journal = new MemoryJournal();
    const bench = await startedBench({ journal });
    const create = new VmOrders('a').create(1);
    journal.isFull = true;
    await expect(bench.controlPlane.send(create)).rejects.toMatchObject({
      code: 'JOURNAL_UNAVAILABLE',
      outcome: 'not-applied',
    });
    expect([...bench.machine.domains()]).toEqual([]);
    journal.isFull = false;
    expect(await done(bench, create)).toMatchObject({ powerState: 'RUNNING' });
  });
});

describe('capacity', () => {
  // A guest of 128 MiB takes 225 with its QEMU.
  const hardware = { memoryMiB: 900 };

  it('refuses a start that the host cannot hold, with the numbers', async () => {
    const bench = await startedBench({ hardware, reservedMemoryMiB: 100 });
    bench.machine.addForeignDomain({ memoryMiB: 300 });
    await done(bench, new VmOrders('a').create(1));
    const end = await done(bench, new VmOrders('b').create(1));
    expect(end.result).toMatchObject({
      kind: 'failed',
      step: 'check-capacity',
      error: {
        code: 'HOST_FULL',
        data: { wantedMemoryMiB: 225, freeMemoryMiB: 177, usedMemoryMiB: 623, memoryMiB: 900, reservedMemoryMiB: 100 },
      },
      undone: [],
    });
    expect([...bench.machine.volumes()]).toHaveLength(1);
  });

  it('gives away as much more than there is as it was told, and shows the ratio where that is full too', async () => {
    const bench = await startedBench({ hardware, reservedMemoryMiB: 100, memoryOvercommitRatio: 1.5 });
    const orders = Array.from({ length: 6 }, (_, index) => new VmOrders(`vm-${index}`).create(1));
    const ends = await Promise.all(orders.map((order) => done(bench, order)));
    expect(ends.filter(({ powerState }) => powerState === 'RUNNING')).toHaveLength(5);
    expect(ends.find(({ result }) => result.kind === 'failed')?.result).toMatchObject({
      error: {
        code: 'HOST_FULL',
        detail:
          'The VM needs 225 MiB with its QEMU and the host has 75 of 1200 MiB free: 900 MiB less 100 MiB for itself, times an overcommit of 1.5.',
        data: { wantedMemoryMiB: 225, freeMemoryMiB: 75, capacityMiB: 1200, memoryOvercommitRatio: 1.5 },
      },
    });
  });

  it('lets exactly as many through as fit when all come at once', async () => {
    const bench = await startedBench({ hardware });
    const orders = Array.from({ length: 10 }, (_, index) => new VmOrders(`vm-${index}`).create(1));
    const ends = await Promise.all(orders.map((order) => done(bench, order)));
    expect(ends.filter(({ powerState }) => powerState === 'RUNNING')).toHaveLength(4);
    expect(ends.filter(({ result }) => result.kind === 'failed' && result.error.code === 'HOST_FULL')).toHaveLength(6);
  });

  it('counts without a list of the domains: a start waits for none', async () => {
    const bench = await startedBench({ hardware: { memoryMiB: 5_800 } });
    for (let index = 0; index < 50; index += 1) bench.machine.addForeignDomain({ memoryMiB: 4 });
    const held = bench.faults.hold('list');
    expect((await done(bench, new VmOrders('a').create(1))).powerState).toBe('RUNNING');
    const full = ['b', 'c', 'd'].map((name) => done(bench, new VmOrders(name).create(1)));
    expect((await Promise.all(full)).filter(({ powerState }) => powerState === 'RUNNING')).toHaveLength(2);
    held.release();
  });

  it('counts a paused VM, and a domain that somebody started meanwhile', async () => {
    const bench = await startedBench({ hardware });
    const [a, b] = [new VmOrders('a'), new VmOrders('b')];
    await done(bench, a.create(1));
    await done(bench, a.plain('pause', 2));
    const foreign = bench.machine.addForeignDomain({ memoryMiB: 400, isRunning: false });
    bench.machine.startByHand(vmIdSchema.parse(foreign));
    expect((await done(bench, b.create(1))).result).toMatchObject({
      error: { code: 'HOST_FULL', data: { usedMemoryMiB: 723 } },
    });
  });

  it('does not count a stopped VM', async () => {
    const bench = await startedBench({ hardware: { memoryMiB: 230 } });
    const [a, b] = [new VmOrders('a'), new VmOrders('b')];
    await done(bench, a.create(1));
    await done(bench, a.forceStop(2));
    expect(await done(bench, b.create(1))).toMatchObject({ powerState: 'RUNNING' });
    expect((await done(bench, a.start(3))).result).toMatchObject({ error: { code: 'HOST_FULL' } });
  });
});

describe('order', () => {
  it('takes a repeated order without a second effect', async () => {
    const { bench, vm } = await benchWithVm();
    expect(await bench.controlPlane.send(vm.create(1))).toEqual({ kind: 'taken' });
    await done(bench, vm.plain('reset', 2));
    expect(await bench.controlPlane.send(vm.plain('reset', 2))).toEqual({ kind: 'taken' });
    await settledChanges(bench);
    expect(bench.controlPlane.ends(vm.plain('reset', 2).orderId)).toHaveLength(1);
    expect(bench.machine.domain(vm.vmId)?.boots).toBe(2);
  });

  it('answers a late copy of a start after a stop as superseded', async () => {
    const { bench, vm } = await benchWithVm();
    await done(bench, vm.forceStop(9));
    const newest = { generation: { epoch: 1, n: 1 }, revision: 9 };
    expect(await bench.controlPlane.send(vm.start(5))).toEqual({ kind: 'superseded', newest });
    expect(bench.machine.domain(vm.vmId)?.powerState).toBe('STOPPED');
  });

  it('remembers the order of a VM after it is gone', async () => {
    const { bench, vm } = await benchWithVm();
    await done(bench, vm.plain('delete', 9));
    await bench.agent.stop();
    await bench.start();
    expect(await bench.controlPlane.send(vm.create(4))).toMatchObject({ kind: 'superseded' });
  });

  it('interrupts a graceful stop for a force-stop', async () => {
    const { bench, vm } = await benchWithVm();
    bench.machine.guestIgnoresAcpi(vm.vmId);
    expect(await bench.controlPlane.order(vm.stop(2))).toEqual({ kind: 'taken' });
    expect(await done(bench, vm.forceStop(3))).toMatchObject({ powerState: 'STOPPED', result: { kind: 'done' } });
    expect(await bench.controlPlane.end(vm.stop(2))).toMatchObject({
      powerState: 'RUNNING',
      result: { kind: 'superseded' },
    });
  });

  it('ends a create between its steps for a delete, which takes away what is there', async () => {
    const bench = await startedBench();
    const vm = new VmOrders('a');
    const held = bench.faults.hold('define', vm.vmId);
    await bench.controlPlane.order(vm.create(1));
    await held.reached;
    await bench.controlPlane.order(vm.plain('delete', 2));
    held.release();
    expect(await bench.controlPlane.end(vm.plain('delete', 2))).toMatchObject({
      powerState: 'ABSENT',
      result: { kind: 'done' },
    });
    expect(await bench.controlPlane.end(vm.create(1))).toMatchObject({ result: { kind: 'superseded' } });
    expect([...bench.machine.domains(), ...bench.machine.volumes()]).toEqual([]);
  });

  it('ends a queued order as superseded when a newer one was taken', async () => {
    const { bench, vm } = await benchWithVm();
    const held = bench.faults.hold('reset', vm.vmId);
    await bench.controlPlane.order(vm.plain('reset', 2));
    await held.reached;
    await bench.controlPlane.order(vm.stop(3));
    await bench.controlPlane.order(vm.forceStop(4));
    held.release();
    expect(await bench.controlPlane.end(vm.forceStop(4))).toMatchObject({ result: { kind: 'done' } });
    expect(await bench.controlPlane.end(vm.stop(3))).toMatchObject({ result: { kind: 'superseded' } });
  });

  it('carries out orders of other VMs while one hangs', async () => {
    const bench = await startedBench();
    const [hung, free] = [new VmOrders('hung'), new VmOrders('free')];
    const held = bench.faults.hold('start', hung.vmId);
    await bench.controlPlane.order(hung.create(1));
    await held.reached;
    expect(await done(bench, free.create(1))).toMatchObject({ powerState: 'RUNNING' });
    held.release();
    expect(await bench.controlPlane.end(hung.create(1))).toMatchObject({ powerState: 'RUNNING' });
  });
});

describe('a process that libvirt has forgotten', () => {
  it('has nothing started next to it and nothing of its VM removed', async () => {
    const { bench, vm } = await benchWithVm();
    bench.machine.forgetProcess(vm.vmId);
    const before = [[...bench.machine.domains()], [...bench.machine.volumes()]];
    const { machine } = bench;
    for (const order of [vm.create(2), vm.start(3), vm.stop(4), vm.plain('reset', 5), vm.plain('delete', 6)]) {
      expect(await done(bench, order)).toMatchObject({
        powerState: 'UNRESPONSIVE',
        result: { kind: 'failed', error: { code: 'VM_UNTRACKED' }, undone: [], left: [] },
      });
    }
    expect([[...machine.domains()], [...machine.volumes()]]).toEqual(before);
  });

  it('is ended by a forced stop, after which the VM starts again', async () => {
    const { bench, vm } = await benchWithVm();
    bench.machine.forgetProcess(vm.vmId);
    expect(await done(bench, vm.forceStop(2))).toMatchObject({ powerState: 'STOPPED', result: { kind: 'done' } });
    expect(await done(bench, vm.start(3))).toMatchObject({ powerState: 'RUNNING', result: { kind: 'done' } });
  });

  it('is refused next to it also where it is found only in the step that starts', async () => {
    const bench = await startedBench();
    const vm = new VmOrders('a');
    const create = vm.create(1);
    const held = bench.faults.hold('start', vm.vmId);
    const ended = done(bench, create);
    await held.reached;
    bench.machine.change(vm.vmId, 'RUNNING', 'started', 'outside');
    bench.machine.forgetProcess(vm.vmId);
    const inTheWay = bench.machine.domain(vm.vmId);
    held.release();
    expect(await ended).toMatchObject({
      result: {
        kind: 'failed',
        step: 'start',
        error: { code: 'VM_UNTRACKED' },
        left: [expect.stringMatching(/^define: VM_UNTRACKED/), 'create-volumes: not undone'],
      },
    });
    expect(bench.machine.domain(vm.vmId)).toEqual(inTheWay);
    expect([...bench.machine.volumes()]).toHaveLength(1);
  });

  it('is told in the full list', async () => {
    const { bench, vm } = await benchWithVm();
    bench.machine.forgetProcess(vm.vmId);
    const listsBefore = bench.fullLists();
    bench.machine.stopDaemon();
    bench.machine.startDaemon();
    await bench.controlPlane.when(() => (bench.fullLists() > listsBefore ? true : undefined), 'another full list');
    const list = bench.controlPlane.vmReports.findLast((report) => report.kind === 'full-list');
    expect(list).toMatchObject({
      domains: [{ powerState: 'UNRESPONSIVE', isUntracked: true, ours: { vmId: vm.vmId } }],
    });
  });
});

describe('whose VM it is', () => {
  it('says that a VM whose id a foreign domain has is not there, and that nothing is left of it', async () => {
    const bench = await startedBench();
    const vm = new VmOrders('a');
    bench.machine.addForeignDomain({ uuid: vm.vmId });
    expect(await done(bench, vm.create(1))).toMatchObject({
      powerState: 'ABSENT',
      result: { kind: 'failed', error: { code: 'DOMAIN_FOREIGN' }, undone: [], left: [] },
    });
  });

  it('touches no domain without a mark or of another fleet', async () => {
    const bench = await startedBench();
    const [nobodys, others] = [new VmOrders('nobodys'), new VmOrders('others')];
    bench.machine.addForeignDomain({ uuid: nobodys.vmId });
    const fleetId = fleetIdSchema.parse(derivedId('another', 'fleet'));
    const lastOrderId = orderIdSchema.parse(derivedId('another', 'order'));
    const mark = { fleetId, vmId: others.vmId, generation: { epoch: 1, n: 1 }, lastOrderId };
    bench.machine.addForeignDomain({ uuid: others.vmId, mark });
    const before = [...bench.machine.domains()];
    for (const vm of [nobodys, others]) {
      for (const order of [vm.create(1), vm.start(2), vm.stop(3), vm.plain('pause', 4), vm.plain('delete', 5)]) {
        expect((await done(bench, order)).result).toMatchObject({
          kind: 'failed',
          error: { code: 'DOMAIN_FOREIGN' },
          undone: [],
        });
      }
    }
    expect([...bench.machine.domains()]).toEqual(before);
  });

  it('leaves a running copy of an older generation alone', async () => {
    const { bench, vm } = await benchWithVm();
    const generation = { epoch: 1, n: 2 };
    // That the older copy runs is no start of the newer.
    expect(await done(bench, vm.plain('delete', 1, { generation }))).toMatchObject({
      powerState: 'UNRESPONSIVE',
      result: { error: { code: 'VM_WRONG_STATE' } },
    });
    expect(bench.machine.domain(vm.vmId)?.powerState).toBe('RUNNING');
  });

  it('takes over a stopped copy of an older generation when the VM comes back to this host', async () => {
    const { bench, vm } = await benchWithVm();
    await done(bench, vm.forceStop(2));
    const generation = { epoch: 1, n: 2 };
    expect(await done(bench, vm.start(1, { generation }))).toMatchObject({
      powerState: 'RUNNING',
      result: { kind: 'done' },
    });
    expect(bench.machine.domain(vm.vmId)?.mark?.generation).toEqual(generation);
  });

  it('passes no stopped copy of an older generation off as the newest by an order that does not define it', async () => {
    const { bench, vm } = await benchWithVm();
    await done(bench, vm.forceStop(2));
    const generation = { epoch: 1, n: 2 };
    const before = bench.machine.domain(vm.vmId)?.mark;
    expect(await done(bench, vm.forceStop(1, { generation }))).toMatchObject({
      powerState: 'STOPPED',
      result: { kind: 'failed', error: { code: 'VM_WRONG_STATE' } },
    });
    expect(bench.machine.domain(vm.vmId)?.mark).toEqual(before);
    expect(await done(bench, vm.plain('delete', 2, { generation }))).toMatchObject({
      powerState: 'ABSENT',
      result: { kind: 'done' },
    });
  });
});

describe('what happens by itself', () => {
  it('reports what guests and other people do, and nothing that its own orders cause', async () => {
    const { bench, vm } = await benchWithVm();
    bench.machine.guestShutsDown(vm.vmId);
    bench.machine.startByHand(vm.vmId);
    bench.machine.guestReboots(vm.vmId);
    bench.machine.guestCrashes(vm.vmId);
    const told = (await settledChanges(bench)).map(({ change, cause, powerState }) => [change, cause, powerState]);
    expect(told).toEqual([
      ['stopped', 'guest', 'STOPPED'],
      ['started', 'outside', 'RUNNING'],
      ['rebooted', 'guest', 'RUNNING'],
      ['crashed', 'crash', 'CRASHED'],
    ]);
  });

  it('reports a crash during a start after the end of the start', async () => {
    const { bench, vm } = await benchWithVm();
    await done(bench, vm.forceStop(2));
    const detach = bench.machine.attach((signal) => {
      if (signal.kind === 'vm-changed' && signal.change === 'started') bench.machine.guestCrashes(vm.vmId);
    });
    expect(await done(bench, vm.start(3))).toMatchObject({ powerState: 'CRASHED', result: { kind: 'done' } });
    detach();
    expect(await settledChanges(bench)).toMatchObject([{ change: 'crashed', cause: 'crash', powerState: 'CRASHED' }]);
    const kinds = bench.controlPlane.vmReports.map(({ kind }) => kind);
    expect(kinds.indexOf('vm-changed')).toBe(kinds.length - 2);
  });

  it('reports every domain when it is connected again, with those that may be out of date named', async () => {
    const { bench, vm } = await benchWithVm();
    bench.machine.addForeignDomain({ title: 'by hand' });
    const before = bench.fullLists();
    bench.machine.stopDaemon();
    bench.machine.startDaemon();
    await bench.controlPlane.when(() => (bench.fullLists() > before ? true : undefined), 'a full list');
    const list = bench.controlPlane.vmReports.findLast((report) => report.kind === 'full-list');
    expect(list?.kind === 'full-list' && list.domains.map(({ title, ours }) => [title, ours?.vmId])).toEqual([
      ['a', vm.vmId],
      ['by hand', undefined],
    ]);
  });

  it('reports that a disk failed while the agent was away', async () => {
    const { bench, vm } = await benchWithVm();
    await bench.agent.stop();
    bench.machine.diskFails(vm.vmId);
    await bench.start();
    const list = bench.controlPlane.vmReports.findLast((report) => report.kind === 'full-list');
    expect(list).toMatchObject({ domains: [{ powerState: 'PAUSED', isIoError: true, ours: { vmId: vm.vmId } }] });
  });

  it('names a VM with an order under way as busy in a full list', async () => {
    const { bench, vm } = await benchWithVm();
    const held = bench.faults.hold('reset', vm.vmId);
    await bench.controlPlane.order(vm.plain('reset', 2));
    await held.reached;
    const before = bench.fullLists();
    bench.machine.stopDaemon();
    bench.machine.startDaemon();
    await bench.controlPlane.when(() => (bench.fullLists() > before ? true : undefined), 'a full list');
    const list = bench.controlPlane.vmReports.findLast((report) => report.kind === 'full-list');
    expect(list?.kind === 'full-list' && list.busy).toEqual([vm.vmId]);
    held.release();
  });

  it('tells of a new image that nothing signalled', async () => {
    const bench = await startedBench({ timings: { inventoryIntervalMs: 1 } });
    bench.machine.addImage({ name: 'new', sizeMiB: 10 });
    const report = await bench.controlPlane.when(() => bench.controlPlane.hostReports[0], 'the inventory');
    const { images } = report.inventory;
    expect(images).toContainEqual(expect.objectContaining({ name: 'new', format: 'qcow2', virtualSizeMiB: 10 }));
  });

  it('tells a changed inventory once', async () => {
    const bench = await startedBench();
    bench.machine.removeImage('guest');
    await bench.controlPlane.when(() => bench.controlPlane.hostReports[0], 'the inventory');
    expect(bench.controlPlane.hostReports).toMatchObject([{ kind: 'inventory-changed', inventory: { images: [] } }]);
  });
});

describe('what hangs or cannot be heard', () => {
  it('force-stops a healthy VM while as many calls hang as the agent makes at the same time', async () => {
    const bench = await startedBench();
    const hung = Array.from({ length: 16 }, (_, index) => new VmOrders(`hung-${index}`));
    const healthy = new VmOrders('healthy');
    await Promise.all([...hung, healthy].map((vm) => done(bench, vm.create(1))));
    const holds = hung.map(({ vmId }) => bench.faults.hold('pause', vmId));
    for (const vm of hung) await bench.controlPlane.order(vm.plain('pause', 2));
    await Promise.all(holds.map(({ reached }) => reached));
    expect(await done(bench, healthy.forceStop(2))).toMatchObject({ powerState: 'STOPPED', result: { kind: 'done' } });
    for (const hold of holds) hold.release();
  });

  it('registers while its hypervisor cannot be heard, with what the host was before', async () => {
    const bench = new HostBench();
    benches.push(bench);
    bench.controlPlane.heartbeatIntervalMs = 100;
    await bench.start();
    const is = (wanted: boolean) => () => {
      const { lastHeartbeat } = bench.controlPlane;
      return (lastHeartbeat !== undefined && (lastHeartbeat.hypervisorFault !== undefined) === wanted) || undefined;
    };
    await bench.controlPlane.when(is(false), 'a heartbeat without a fault');
    bench.machine.stopDaemon();
    await bench.controlPlane.when(is(true), 'a heartbeat with a fault');
    const registrations = bench.controlPlane.registrations.length;
    bench.controlPlane.mustRegister = true;
    await bench.controlPlane.when(
      () => bench.controlPlane.registrations.length > registrations || undefined,
      'a registration while the hypervisor is away',
    );
    bench.machine.startDaemon();
    await bench.controlPlane.when(is(false), 'a heartbeat without a fault again');
  });
});

describe('a guest that boots again and again', () => {
  it('is told at its first reboot, and not again for each that follows within a minute', async () => {
    const { bench, vm } = await benchWithVm();
    for (let reboot = 0; reboot < 50; reboot += 1) bench.machine.guestReboots(vm.vmId);
    bench.machine.guestShutsDown(vm.vmId);
    expect(await settledChanges(bench)).toMatchObject([{ change: 'rebooted' }, { change: 'stopped' }]);
  });
});
