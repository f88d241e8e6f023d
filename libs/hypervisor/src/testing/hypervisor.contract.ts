import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { fleetIdSchema, vmIdSchema, vmSpecSchema, type PowerState } from '@drover/contracts';
import type { Hypervisor, OwnershipMark, VmDefinition } from '../hypervisor.port.js';
import type { HypervisorContractHost } from './contract-host.js';
import { definitionOf, newMark } from './contract-vm.js';
import { faultOf } from './fault-of.js';
import { volumeTests } from './volumes.contract.js';
import { MemoryVolumeBook } from './memory-volume-book.js';
import { SignalRecorder } from './signal-recorder.js';

/** What every driver does, and so what the agent may rely on. */
export function hypervisorContract(
  name: string,
  createHost: () => Promise<HypervisorContractHost>,
  options: { readonly testTimeoutMs?: number } = {},
): void {
  const timeoutMs = options.testTimeoutMs ?? 5_000;

  describe(`hypervisor contract: ${name}`, () => {
    const fleetId = fleetIdSchema.parse(randomUUID());
    let host: HypervisorContractHost;
    let driver: Hypervisor;
    let signals: SignalRecorder;
    let vm: VmDefinition;
    let book: MemoryVolumeBook;

    beforeAll(async () => {
      host = await createHost();
    }, timeoutMs);
    beforeEach(async () => {
      driver = host.connect();
      signals = new SignalRecorder(timeoutMs);
      await driver.open(fleetId, (signal) => signals.record(signal));
      vm = definitionOf(vmSpecSchema.parse(host.spec));
      book = new MemoryVolumeBook();
    }, timeoutMs);
    afterEach(async () => {
      await driver.forceStop(vm.vmId);
      await driver.undefine(vm.vmId);
      await driver.deleteVolumes(vm.vmId, book.volumes);
      await driver.close();
    }, timeoutMs);
    afterAll(async () => {
      await host.remove();
    }, timeoutMs);

    const test = (title: string, body: () => Promise<void>): void => it(title, body, timeoutMs);
    const markOf = (n = 1): OwnershipMark => ({ ...newMark(fleetId, vm.vmId), generation: { epoch: 1, n } });
    const powerState = async (): Promise<PowerState> => (await driver.observe(vm.vmId)).powerState;
    const defineVm = async (): Promise<void> => {
      await driver.createVolumes(vm, book);
      await driver.define(vm, markOf());
    };
    const runVm = async (): Promise<void> => {
      await defineVm();
      await driver.start(vm.vmId);
    };
    volumeTests(() => ({ host, driver, fleetId, vm, book }), timeoutMs);

    test('signals that it is connected after it was opened', async () => {
      await signals.next(({ kind }) => kind === 'connected');
    });

    test('tells its inventory before it is opened', async () => {
      const unopened = host.connect();
      const inventory = await unopened.inventory();
      await unopened.close();
      expect(inventory.hypervisor).toBe(driver.kind);
      expect(inventory.cpu.count).toBeGreaterThan(0);
      expect(inventory.memoryMiB).toBeGreaterThan(0);
      for (const disk of vm.spec.disks) {
        expect(inventory.pools.map((pool) => pool.name)).toContain(disk.pool);
        if (disk.image !== undefined) expect(inventory.images.map((image) => image.name)).toContain(disk.image);
      }
    });

    test('observes a VM that is not there as absent', async () => {
      expect(await driver.observe(vm.vmId)).toEqual({ powerState: 'ABSENT' });
    });

    test('carries a VM from nothing to running and back to nothing', async () => {
      await defineVm();
      expect(await powerState()).toBe('STOPPED');
      await driver.start(vm.vmId);
      expect(await powerState()).toBe('RUNNING');
      await driver.forceStop(vm.vmId);
      expect(await powerState()).toBe('STOPPED');
      await driver.undefine(vm.vmId);
      expect(await powerState()).toBe('ABSENT');
      await driver.deleteVolumes(vm.vmId, book.volumes);
    });

    test('does nothing more when each step is done twice', async () => {
      await driver.createVolumes(vm, book);
      await driver.createVolumes(vm, book);
      const mark = markOf();
      const first = await driver.define(vm, mark);
      expect(await driver.define({ ...vm, settled: first }, mark)).toEqual(first);
      await driver.start(vm.vmId);
      await driver.start(vm.vmId);
      expect(await powerState()).toBe('RUNNING');
      await driver.pause(vm.vmId);
      await driver.pause(vm.vmId);
      expect(await powerState()).toBe('PAUSED');
      await driver.resume(vm.vmId);
      await driver.resume(vm.vmId);
      expect(await powerState()).toBe('RUNNING');
      await driver.forceStop(vm.vmId);
      await driver.forceStop(vm.vmId);
      await driver.undefine(vm.vmId);
      await driver.undefine(vm.vmId);
      await driver.deleteVolumes(vm.vmId, book.volumes);
      await driver.deleteVolumes(vm.vmId, book.volumes);
      expect(await powerState()).toBe('ABSENT');
    });

    test('reports progress of volumes up to 100 percent', async () => {
      const percents: number[] = [];
      await driver.createVolumes(vm, book, (percent) => percents.push(percent));
      expect(percents.at(-1)).toBe(100);
      expect(percents).toEqual([...percents].sort((a, b) => a - b));
    });

    test('keeps what was settled when a VM is defined again', async () => {
      await driver.createVolumes(vm, book);
      const settled = await driver.define(vm, markOf());
      await driver.undefine(vm.vmId);
      const again = await driver.define({ ...vm, settled }, markOf());
      expect(again).toEqual(settled);
      expect(settled.disks.map((disk) => disk.name)).toEqual(vm.spec.disks.map((disk) => disk.name));
      expect(settled.nics).toHaveLength(vm.spec.nics.length);
    });

    test('gives another fingerprint to another spec, and the listed one is the settled one', async () => {
      await driver.createVolumes(vm, book);
      const before = await driver.define(vm, markOf());
      const larger = { ...vm.spec, memory: { ...vm.spec.memory, sizeMiB: vm.spec.memory.sizeMiB + 16 } };
      const after = await driver.define({ ...vm, spec: larger, settled: before }, markOf());
      expect(after.fingerprint).not.toBe(before.fingerprint);
      const listed = (await driver.list()).find((domain) => domain.libvirtUuid === vm.vmId);
      expect(listed?.ours?.fingerprint).toBe(after.fingerprint);
      expect(listed?.memoryMiB).toBe(larger.memory.sizeMiB);
    });

    test('keeps the same fingerprint through start, stop and a renewed mark', async () => {
      await driver.createVolumes(vm, book);
      const settled = await driver.define(vm, markOf());
      await driver.start(vm.vmId);
      await driver.mark(vm.vmId, markOf());
      await driver.forceStop(vm.vmId);
      const listed = (await driver.list()).find((domain) => domain.libvirtUuid === vm.vmId);
      expect(listed?.ours?.fingerprint).toBe(settled.fingerprint);
    });

    test('lists a VM of ours with its mark, title and state', async () => {
      await driver.createVolumes(vm, book);
      const mark = markOf(3);
      await driver.define(vm, mark);
      const listed = (await driver.list()).find((domain) => domain.libvirtUuid === vm.vmId);
      expect(listed).toMatchObject({
        title: vm.name,
        powerState: 'STOPPED',
        vcpus: vm.spec.cpu.sockets * vm.spec.cpu.cores * vm.spec.cpu.threads,
        memoryMiB: vm.spec.memory.sizeMiB,
        ours: { vmId: vm.vmId, generation: { epoch: 1, n: 3 }, lastOrderId: mark.lastOrderId },
      });
    });

    test('tells the memory that each domain holds while it runs, paused or not, ours or not', async () => {
      const heldMiB = async (uuid: string): Promise<number | undefined> => (await driver.heldMemoryMiB()).get(uuid);
      await defineVm();
      expect(await heldMiB(vm.vmId)).toBeUndefined();
      await driver.start(vm.vmId);
      expect(await heldMiB(vm.vmId)).toBe(vm.spec.memory.sizeMiB);
      await driver.pause(vm.vmId);
      expect(await heldMiB(vm.vmId)).toBe(vm.spec.memory.sizeMiB);
      await driver.forceStop(vm.vmId);
      expect(await heldMiB(vm.vmId)).toBeUndefined();

      const foreign = vmIdSchema.parse(randomUUID());
      await host.outside.addForeignDomain(foreign);
      const listed = (await driver.list()).find((domain) => domain.libvirtUuid === foreign);
      expect(await heldMiB(foreign)).toBeUndefined();
      await host.outside.start(foreign);
      expect(await heldMiB(foreign)).toBe(listed?.memoryMiB);
      await host.outside.destroy(foreign);
      expect(await heldMiB(foreign)).toBeUndefined();
      await host.outside.removeForeignDomain(foreign);
    });

    test('tells the memory that a VM was started with, whatever its definition has become since', async () => {
      await runVm();
      const memory = { ...vm.spec.memory, sizeMiB: vm.spec.memory.sizeMiB + 16 };
      await driver.define({ ...vm, spec: { ...vm.spec, memory } }, markOf());
      expect((await driver.heldMemoryMiB()).get(vm.vmId)).toBe(vm.spec.memory.sizeMiB);
      await driver.reset(vm.vmId);
      expect((await driver.heldMemoryMiB()).get(vm.vmId)).toBe(vm.spec.memory.sizeMiB);
      await driver.forceStop(vm.vmId);
      await driver.start(vm.vmId);
      expect((await driver.heldMemoryMiB()).get(vm.vmId)).toBe(memory.sizeMiB);
    });

    test('renews the mark of a VM, stopped or running', async () => {
      await defineVm();
      for (const n of [2, 3]) {
        const mark = markOf(n);
        await driver.mark(vm.vmId, mark);
        expect((await driver.observe(vm.vmId)).mark).toEqual(mark);
        await driver.start(vm.vmId);
        expect((await driver.observe(vm.vmId)).mark).toEqual(mark);
      }
    });

    test('defines a running VM again without stopping it', async () => {
      await runVm();
      const mark = markOf(2);
      await driver.define(vm, mark);
      expect(await driver.observe(vm.vmId)).toEqual({ powerState: 'RUNNING', mark });
    });

    test('leaves VMs and marks as they are when the driver goes and another comes', async () => {
      await runVm();
      const before = await driver.observe(vm.vmId);
      await driver.close();
      driver = host.connect();
      await driver.open(fleetId, (signal) => signals.record(signal));
      expect(await driver.observe(vm.vmId)).toEqual(before);
      expect(before.powerState).toBe('RUNNING');
    });

    test('refuses to touch a domain that carries no mark, and lists it as not ours', async () => {
      await host.outside.addForeignDomain(vm.vmId);
      const calls = [
        () => driver.define(vm, markOf()),
        () => driver.mark(vm.vmId, markOf()),
        () => driver.start(vm.vmId),
        () => driver.forceStop(vm.vmId),
        () => driver.requestShutdown(vm.vmId),
        () => driver.undefine(vm.vmId),
      ];
      for (const call of calls) {
        expect(await faultOf(call())).toMatchObject({ code: 'DOMAIN_FOREIGN', outcome: 'not-applied' });
      }
      const listed = (await driver.list()).find((domain) => domain.libvirtUuid === vm.vmId);
      expect(listed?.powerState).toBe('STOPPED');
      expect(listed?.ours).toBeUndefined();
      expect((await driver.observe(vm.vmId)).mark).toBeUndefined();
      await host.outside.removeForeignDomain(vm.vmId);
    });

    test('finds the process of a VM that the daemon has forgotten, and does nothing next to it until it is told to end it', async () => {
      await runVm();
      await signals.next(({ kind }) => kind === 'connected');
      const heldMiB = (await driver.heldMemoryMiB()).get(vm.vmId);
      await host.outside.forgetProcess(vm.vmId);
      await signals.next(({ kind }) => kind === 'connected');
      expect(await driver.observe(vm.vmId)).toMatchObject({ powerState: 'UNRESPONSIVE', isUntracked: true });
      const listed = (await driver.list()).find((domain) => domain.libvirtUuid === vm.vmId);
      expect(listed).toMatchObject({
        powerState: 'UNRESPONSIVE',
        isUntracked: true,
        memoryMiB: vm.spec.memory.sizeMiB,
      });
      expect((await driver.heldMemoryMiB()).get(vm.vmId)).toBe(heldMiB);
      const calls = [
        () => driver.createVolumes(vm, book),
        () => driver.define(vm, markOf(2)),
        () => driver.start(vm.vmId),
        () => driver.undefine(vm.vmId),
        () => driver.deleteVolumes(vm.vmId, book.volumes),
      ];
      for (const call of calls) {
        expect(await faultOf(call())).toMatchObject({ code: 'VM_UNTRACKED', outcome: 'not-applied' });
      }
      expect(await driver.observe(vm.vmId)).toMatchObject({ isUntracked: true });
      await driver.forceStop(vm.vmId);
      expect(await powerState()).toBe('STOPPED');
      expect((await driver.heldMemoryMiB()).get(vm.vmId)).toBeUndefined();
      await driver.start(vm.vmId);
      expect(await powerState()).toBe('RUNNING');
    });

    test('refuses to touch a domain of another fleet', async () => {
      await defineVm();
      const other = host.connect();
      await other.open(fleetIdSchema.parse(randomUUID()), () => undefined);
      expect(await faultOf(other.start(vm.vmId))).toMatchObject({ code: 'DOMAIN_FOREIGN', outcome: 'not-applied' });
      expect(await faultOf(other.undefine(vm.vmId))).toMatchObject({ code: 'DOMAIN_FOREIGN' });
      const listed = (await other.list()).find((domain) => domain.libvirtUuid === vm.vmId);
      expect(listed?.ours).toBeUndefined();
      await other.close();
      expect(await powerState()).toBe('STOPPED');
    });

    test('refuses a NIC in a network that is not there, at the latest when it starts', async () => {
      const spec = vmSpecSchema.parse({ ...vm.spec, nics: [{ network: 'no-such-network' }] });
      const attempt = async (): Promise<void> => {
        await driver.createVolumes({ ...vm, spec }, book);
        await driver.define({ ...vm, spec }, markOf());
        await driver.start(vm.vmId);
      };
      expect(await faultOf(attempt())).toMatchObject({ code: 'NETWORK_NOT_FOUND', outcome: 'not-applied' });
      expect(await powerState()).not.toBe('RUNNING');
    });

    test('refuses a NIC whose MAC another VM of its network has', async () => {
      const nics = [{ network: 'default', mac: '52:54:00:12:34:56' }];
      const spec = vmSpecSchema.parse({ ...host.spec, nics });
      await driver.createVolumes({ ...vm, spec }, book);
      await driver.define({ ...vm, spec }, markOf());
      const second = definitionOf(spec);
      const fault = await faultOf(driver.define(second, newMark(fleetId, second.vmId)));
      expect(fault).toMatchObject({ code: 'INVALID_DEFINITION', outcome: 'not-applied' });
      expect(await driver.observe(second.vmId)).toEqual({ powerState: 'ABSENT' });
      await driver.undefine(vm.vmId);
    });

    test('refuses to start, pause, resume and reset what is not there', async () => {
      for (const call of ['start', 'pause', 'resume', 'reset', 'requestReboot'] as const) {
        expect((await faultOf(driver[call](vm.vmId))).outcome).toBe('not-applied');
      }
    });

    test('refuses to pause, resume and reset a stopped VM', async () => {
      await defineVm();
      for (const call of ['pause', 'resume', 'reset', 'requestReboot'] as const) {
        expect((await faultOf(driver[call](vm.vmId))).outcome).toBe('not-applied');
      }
      expect(await powerState()).toBe('STOPPED');
    });

    test('takes a request to shut down a stopped VM as done', async () => {
      await defineVm();
      await driver.requestShutdown(vm.vmId);
      expect(await powerState()).toBe('STOPPED');
    });

    test('force-stops a paused VM', async () => {
      await runVm();
      await driver.pause(vm.vmId);
      await driver.forceStop(vm.vmId);
      expect(await powerState()).toBe('STOPPED');
    });

    test('keeps a VM running through a reset, and signals a reboot', async () => {
      await runVm();
      await driver.reset(vm.vmId);
      await signals.nextChange(vm.vmId, 'rebooted');
      expect(await powerState()).toBe('RUNNING');
    });

    test('signals what somebody else does to a VM', async () => {
      await defineVm();
      await host.outside.start(vm.vmId);
      expect(await signals.nextChange(vm.vmId, 'started')).toMatchObject({ powerState: 'RUNNING', cause: 'outside' });
      await host.outside.destroy(vm.vmId);
      expect(await signals.nextChange(vm.vmId, 'stopped')).toMatchObject({ powerState: 'STOPPED', cause: 'outside' });
    });

    test('asks the guest to power off and returns before it has', async () => {
      await runVm();
      await driver.requestShutdown(vm.vmId);
      if (!host.guestObeys) return;
      expect(await signals.nextChange(vm.vmId, 'stopped')).toMatchObject({ powerState: 'STOPPED', cause: 'guest' });
      expect(await powerState()).toBe('STOPPED');
    });

    test('asks the guest to reboot and signals the reboot', async () => {
      await runVm();
      await driver.requestReboot(vm.vmId);
      if (!host.guestObeys) return;
      await signals.nextChange(vm.vmId, 'rebooted');
      expect(await powerState()).toBe('RUNNING');
    });

    test('tells the load of the host and of its running VMs', async () => {
      await runVm();
      const load = await driver.load();
      expect(load.memoryUsedMiB).toBeGreaterThan(0);
      expect(load.vms.map(({ vmId }) => vmId)).toContain(vm.vmId);
    });
  });
}
