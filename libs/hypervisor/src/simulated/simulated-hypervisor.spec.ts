import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { orderIdSchema, DEFAULT_PROJECT, fleetIdSchema, vmIdSchema, vmSpecSchema, type VmId } from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';
import type { OwnershipMark, VmDefinition } from '../hypervisor.port.js';
import { MemoryVolumeBook } from '../testing/memory-volume-book.js';
import { SignalRecorder } from '../testing/signal-recorder.js';
import { SimulatedFaults } from './simulated-faults.driver.js';
import { SimulatedHypervisor, type SimulatedHypervisorOptions } from './simulated-hypervisor.driver.js';
import { SimulatedMachine } from './simulated-machine.driver.js';
import { SqliteMachineStores } from './sqlite-machine-store.adapter.js';

const fleetId = fleetIdSchema.parse(derivedId('spec', 'fleet'));

function vmNamed(name: string): VmDefinition {
  const spec = vmSpecSchema.parse({ disks: [{ name: 'root', image: 'guest' }] });
  return { vmId: vmIdSchema.parse(derivedId('vm', name)), projectId: DEFAULT_PROJECT, name, spec };
}

function markOf(vmId: VmId): OwnershipMark {
  const lastOrderId = orderIdSchema.parse(derivedId('command', vmId));
  return { fleetId, vmId, generation: { epoch: 1, n: 1 }, lastOrderId };
}

async function opened(machine: SimulatedMachine, options: SimulatedHypervisorOptions = {}) {
  const driver = new SimulatedHypervisor(machine, options);
  const signals = new SignalRecorder(1_000);
  await driver.open(fleetId, (signal) => signals.record(signal));
  return { driver, signals };
}

const books = new WeakMap<VmDefinition, MemoryVolumeBook>();

async function run(driver: SimulatedHypervisor, vm: VmDefinition): Promise<void> {
  const book = books.get(vm) ?? new MemoryVolumeBook();
  books.set(vm, book);
  await driver.createVolumes(vm, book);
  await driver.define(vm, markOf(vm.vmId));
  await driver.start(vm.vmId);
}

describe('simulated hypervisor', () => {
  it('fails a call as often as it was told, and does nothing then', async () => {
    const faults = new SimulatedFaults([{ call: 'start', code: 'HYPERVISOR_FAILED', times: 2 }]);
    const { driver } = await opened(new SimulatedMachine(), { faults });
    const vm = vmNamed('a');
    for (let attempt = 0; attempt < 2; attempt += 1) {
      await expect(run(driver, vm)).rejects.toMatchObject({ code: 'HYPERVISOR_FAILED', outcome: 'not-applied' });
      expect((await driver.observe(vm.vmId)).powerState).toBe('STOPPED');
    }
    await run(driver, vm);
    expect((await driver.observe(vm.vmId)).powerState).toBe('RUNNING');
  });

  it('lets a call take effect although its caller is told that the outcome is unknown', async () => {
    const faults = new SimulatedFaults([{ call: 'start', code: 'TIMED_OUT', times: 1, takesEffect: true }]);
    const { driver } = await opened(new SimulatedMachine(), { faults });
    const vm = vmNamed('a');
    await expect(run(driver, vm)).rejects.toMatchObject({ code: 'TIMED_OUT', outcome: 'unknown' });
    expect((await driver.observe(vm.vmId)).powerState).toBe('RUNNING');
  });

  it('fails the same random calls in each run with the same seed', async () => {
    const outcomes = async (seed: number): Promise<string> => {
      const faults = new SimulatedFaults([{ call: 'load', code: 'HYPERVISOR_FAILED', probability: 0.5 }], seed);
      const { driver } = await opened(new SimulatedMachine(), { faults });
      let told = '';
      for (let call = 0; call < 64; call += 1) {
        told += await driver.load().then(
          () => '.',
          () => 'x',
        );
      }
      return told;
    };
    const first = await outcomes(7);
    expect(await outcomes(7)).toBe(first);
    expect(await outcomes(8)).not.toBe(first);
    expect(first).toMatch(/x/);
    expect(first).toMatch(/\./);
  });

  it('holds a call of one VM until it is released, and no other', async () => {
    const { driver } = await opened(new SimulatedMachine());
    const [a, b] = [vmNamed('a'), vmNamed('b')];
    const held = driver.faults.hold('start', a.vmId);
    const hanging = run(driver, a);
    await held.reached;
    await run(driver, b);
    expect((await driver.observe(a.vmId)).powerState).toBe('STOPPED');
    held.release();
    await hanging;
    expect((await driver.observe(a.vmId)).powerState).toBe('RUNNING');
  });

  it('refuses calls while the daemon is down and keeps the VMs running', async () => {
    const machine = new SimulatedMachine();
    const { driver, signals } = await opened(machine);
    const vm = vmNamed('a');
    await run(driver, vm);
    machine.stopDaemon();
    await expect(driver.list()).rejects.toMatchObject({ code: 'HYPERVISOR_UNAVAILABLE', outcome: 'not-applied' });
    machine.startDaemon();
    await signals.next(({ kind }) => kind === 'disconnected');
    await signals.next(({ kind }) => kind === 'connected');
    expect((await driver.observe(vm.vmId)).powerState).toBe('RUNNING');
  });

  it('stops every VM and starts none when power is cut', async () => {
    const machine = new SimulatedMachine();
    const { driver } = await opened(machine);
    const vm = vmNamed('a');
    await run(driver, vm);
    machine.powerCycle();
    expect((await driver.observe(vm.vmId)).powerState).toBe('STOPPED');
  });

  it('refuses a volume that its pool cannot hold', async () => {
    const machine = new SimulatedMachine({ pools: [{ name: 'default', capacityMiB: 100 }] });
    const { driver } = await opened(machine);
    await driver.createVolumes(vmNamed('a'), new MemoryVolumeBook());
    await expect(driver.createVolumes(vmNamed('b'), new MemoryVolumeBook())).rejects.toMatchObject({
      code: 'POOL_FULL',
    });
  });

  it('starts no VM that is larger than the machine; smaller ones may have more together than there is', async () => {
    const small = await opened(new SimulatedMachine({ memoryMiB: 127 }));
    await expect(run(small.driver, vmNamed('a'))).rejects.toMatchObject({ code: 'HYPERVISOR_FAILED' });
    const { driver } = await opened(new SimulatedMachine({ memoryMiB: 200 }));
    await run(driver, vmNamed('a'));
    await run(driver, vmNamed('b'));
    expect((await driver.load()).memoryUsedMiB).toBe(256);
  });

  it('does not answer for a hung VM and still stops it by force', async () => {
    const machine = new SimulatedMachine();
    const { driver } = await opened(machine);
    const vm = vmNamed('a');
    await run(driver, vm);
    machine.hang(vm.vmId);
    expect((await driver.observe(vm.vmId)).powerState).toBe('UNRESPONSIVE');
    await expect(driver.pause(vm.vmId)).rejects.toMatchObject({ code: 'VM_UNRESPONSIVE', outcome: 'unknown' });
    await driver.forceStop(vm.vmId);
    expect((await driver.observe(vm.vmId)).powerState).toBe('STOPPED');
  });

  it('lists a VM that a failing disk has paused as such, until it goes on', async () => {
    const machine = new SimulatedMachine();
    const { driver } = await opened(machine);
    const vm = vmNamed('a');
    await run(driver, vm);
    machine.diskFails(vm.vmId);
    expect(await driver.list()).toMatchObject([{ powerState: 'PAUSED', isIoError: true }]);
    await driver.define(vm, markOf(vm.vmId));
    expect(await driver.list()).toMatchObject([{ powerState: 'PAUSED', isIoError: true }]);
    await driver.resume(vm.vmId);
    await driver.pause(vm.vmId);
    const [listed] = await driver.list();
    expect(listed?.powerState).toBe('PAUSED');
    expect(listed).not.toHaveProperty('isIoError');
  });

  it('finds its VMs again in another process', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'drover-machine-'));
    try {
      const file = path.join(folder, 'machines.sqlite');
      const vm = vmNamed('a');
      const before = new SqliteMachineStores(file);
      const { driver } = await opened(new SimulatedMachine({ name: 'h1' }, before.of('h1')));
      await run(driver, vm);
      const after = new SqliteMachineStores(file);
      const machine = new SimulatedMachine({ name: 'h1' }, after.of('h1'));
      expect(machine.domain(vm.vmId)).toMatchObject({ powerState: 'RUNNING', mark: markOf(vm.vmId) });
      expect([...machine.volumes()]).toHaveLength(1);
      expect([...new SimulatedMachine({ name: 'h2' }, after.of('h2')).domains()]).toHaveLength(0);
      before.close();
      after.close();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
