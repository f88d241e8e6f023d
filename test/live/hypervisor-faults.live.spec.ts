/** What breaks below Drover on a real host: each title names its row of `docs/reference/faults.md`. */
import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { VmResource, VmSpecInput } from '@drover/contracts';
import { domainOf, RealHost } from './real-host.runner.js';

/** Firmware without a disk to boot from runs as well. */
const idleSpec: VmSpecInput = { memory: { sizeMiB: 32 }, disks: [{ name: 'data', sizeMiB: 1 }] };
const CREATES = 4;
/** A QEMU may take 15 s to answer, and is asked once; the rest is for a busy machine. */
const PAUSE_FAILS_WITHIN_MS = 25_000;
const createTypes = ['VmRequested', 'OperationBegan', 'VmPlaced', 'VmDefined', 'VmStarted', 'OperationSucceeded'];

describe('a real host on which things break', () => {
  let host: RealHost;

  beforeAll(async () => {
    host = await RealHost.start();
    await host.create('guest');
  }, 240_000);
  afterAll(() => host?.stop());

  /** Each row stands alone: one that fails leaves neither a VM behind nor the guest stopped. */
  afterEach(async () => {
    const { items } = await host.api.expectDone<{ items: VmResource[] }>('GET', '/vms?limit=1000');
    for (const { name } of items.filter((vm) => vm.name !== 'guest')) await host.api.succeed('DELETE', `/vms/${name}`);
    const guest = await host.api.vmUntil('guest', ({ operation }) => operation === null);
    if (guest.observed?.powerState !== 'RUNNING') await host.api.succeed('POST', '/vms/guest/start', {});
  });

  /** How often libvirt has started a QEMU for this domain. */
  const startsOf = async (vmId: string): Promise<number> => {
    const log = await readFile(path.join(host.libvirtd.dir, 'log/qemu', `${domainOf(vmId)}.log`), 'utf8');
    return log.split('starting up libvirt version').length - 1;
  };
  const signal = (vmId: string, name: NodeJS.Signals): void => {
    process.kill(host.libvirtd.qemuPid(domainOf(vmId)), name);
  };

  /** Begins creates, lets something happen when the first of them is on the host, and sees all of them to their end. */
  async function createThrough(prefix: string, happen: () => Promise<void>): Promise<readonly string[]> {
    const names = Array.from({ length: CREATES }, (_, index) => `${prefix}-${index}`);
    const before = (await host.domains()).length;
    const operations = await Promise.all(names.map((name) => host.api.begin('POST', '/vms', { name, spec: idleSpec })));
    await host.api.until('the first is on the host', async () =>
      (await host.domains()).length > before ? true : undefined,
    );
    await happen();
    for (const operation of operations) {
      expect(await host.api.ended(operation, 120_000)).toMatchObject({ state: 'SUCCEEDED', error: null });
    }
    const ids: string[] = [];
    for (const name of names) {
      const vm = await host.api.vm(name);
      ids.push(vm.id);
      expect(vm).toMatchObject({ observed: { powerState: 'RUNNING' }, drift: [], operation: null });
      expect(await host.stateOf(vm.id)).toBe('running');
      expect(await startsOf(vm.id)).toBe(1);
      expect((await host.volumes()).filter((volume) => volume.startsWith(vm.id))).toEqual([`${vm.id}-data.qcow2`]);
      expect(await host.typesOf(vm.id)).toEqual(createTypes);
    }
    return ids;
  }

  async function deleteAll(prefix: string): Promise<void> {
    const others = await host.api.vm('guest');
    for (let index = 0; index < CREATES; index += 1) await host.api.succeed('DELETE', `/vms/${prefix}-${index}`);
    expect(await host.domains()).toEqual([domainOf(others.id)]);
    expect(await host.volumes()).toEqual([`${others.id}-root.qcow2`]);
  }

  it('libvirtd restarted: creates under way succeed once, running VMs go on, and changes are told again', async () => {
    const guest = await host.api.vm('guest');
    const process = host.libvirtd.qemuPid(domainOf(guest.id));
    const count = (await host.api.history(guest.id)).length;
    const [first = ''] = await createThrough('restart', () => host.libvirtd.restart());
    expect(host.libvirtd.qemuPid(domainOf(guest.id))).toBe(process);
    expect(await host.since(guest.id, count)).toEqual([]);
    await host.virsh('destroy', first);
    await host.api.vmUntil(first, ({ observed }) => observed?.powerState === 'STOPPED');
    await deleteAll('restart');
  });

  it('libvirtd killed during a graceful stop: the stop ends as it was asked for', async () => {
    const guest = await host.api.vm('guest');
    const boots = await host.bootCount(guest.id);
    const count = (await host.api.history(guest.id)).length;
    const operation = await host.api.begin('POST', '/vms/guest/stop', { gracePeriodMs: 60_000 });
    await host.libvirtd.kill('SIGKILL');
    await host.libvirtd.restart();
    expect(await host.api.ended(operation)).toMatchObject({ state: 'SUCCEEDED', error: null });
    expect(await host.stateOf(guest.id)).toBe('shut off');
    await host.api.succeed('POST', '/vms/guest/start', {});
    expect(await host.bootCount(guest.id)).toBe(boots + 1);
    expect((await host.typesOf(guest.id)).slice(count)).toEqual([
      ...['VmStopRequested', 'OperationBegan', 'VmStopped', 'OperationSucceeded'],
      ...['VmStartRequested', 'OperationBegan', 'VmStarted', 'OperationSucceeded'],
    ]);
  });

  it('node-agent killed during creates on a real host: each VM is made and started once', async () => {
    await createThrough('agent', () => host.fleet.crash('node-agent'));
    await deleteAll('agent');
  });

  it('node-agent killed during a graceful stop on a real host: the stop ends as it was asked for', async () => {
    const guest = await host.api.vm('guest');
    const boots = await host.bootCount(guest.id);
    const count = (await host.api.history(guest.id)).length;
    const operation = await host.api.begin('POST', '/vms/guest/stop', { gracePeriodMs: 60_000 });
    await host.fleet.crash('node-agent');
    expect(await host.api.ended(operation)).toMatchObject({ state: 'SUCCEEDED', error: null });
    const since = await host.since(guest.id, count);
    expect(since.map(({ type }) => type)).toEqual([
      ...['VmStopRequested', 'OperationBegan', 'VmStopped', 'OperationSucceeded'],
    ]);
    expect(since[2]?.data).toMatchObject({ wasForced: false });
    await host.api.succeed('POST', '/vms/guest/start', {});
    expect(await host.bootCount(guest.id)).toBe(boots + 1);
  });

  it('libvirtd forgets a running VM: nothing is started next to it or removed, and a forced stop ends it', async () => {
    const vm = await host.create('forgotten', idleSpec);
    const pid = host.libvirtd.qemuPid(domainOf(vm.id));
    const isRunning = () => host.libvirtd.children().includes(pid);
    const status = path.join(host.libvirtd.dir, 'run', 'qemu', domainOf(vm.id));
    await host.libvirtd.kill('SIGKILL');
    await Promise.all([rm(`${status}.xml`), rm(`${status}.pid`)]);
    await host.libvirtd.restart();
    expect(await host.stateOf(vm.id)).toBe('shut off');
    const seen = await host.api.vmUntil('forgotten', ({ drift }) => drift.length > 0);
    expect(seen).toMatchObject({ observed: { powerState: 'RUNNING' }, drift: [{ kind: 'untracked-process' }] });

    const refused = await host.end('DELETE', '/vms/forgotten');
    expect(refused).toMatchObject({ state: 'FAILED', error: { code: 'VM_UNTRACKED' } });
    expect(isRunning()).toBe(true);
    expect((await host.volumes()).filter((volume) => volume.startsWith(vm.id))).toHaveLength(1);

    const count = (await host.api.history(vm.id)).length;
    await host.api.succeed('POST', '/vms/forgotten/stop', { mode: 'force' });
    expect(isRunning()).toBe(false);
    expect((await host.since(vm.id, count)).map(({ type }) => type)).toEqual([
      ...['VmStopRequested', 'OperationBegan', 'VmStopped', 'VmDriftSettled', 'OperationSucceeded'],
    ]);
    await host.api.succeed('POST', '/vms/forgotten/start', {});
    expect(await host.stateOf(vm.id)).toBe('running');
  });

  it('QEMU killed: the VM is told as crashed, and is not started again', async () => {
    const guest = await host.api.vm('guest');
    const boots = await host.bootCount(guest.id);
    const count = (await host.api.history(guest.id)).length;
    signal(guest.id, 'SIGKILL');
    const seen = await host.api.vmUntil('guest', ({ observed }) => observed?.powerState === 'STOPPED');
    expect(seen).toMatchObject({
      desired: { powerState: 'RUNNING' },
      observed: { cause: 'crash' },
      drift: [{ kind: 'power' }],
      operation: null,
    });
    await host.fullListSettled();
    await host.create('after-crash', idleSpec);
    expect(await host.stateOf(guest.id)).toBe('shut off');
    expect(await host.causesSince(guest.id, count)).toEqual(['VmStopped crash']);
    await host.api.succeed('POST', '/vms/guest/start', {});
    expect(await host.bootCount(guest.id)).toBe(boots + 1);
  });

  it('QEMU hung, a graceful stop: it falls to force, and no other VM waits for it', async () => {
    const hung = await host.create('hung', idleSpec);
    await host.create('side', idleSpec);
    signal(hung.id, 'SIGSTOP');
    const stop = await host.api.begin('POST', '/vms/hung/stop', { gracePeriodMs: 5_000 });
    // Each through the host's agent and libvirt while the other is asked to stop.
    for (const verb of ['pause', 'resume', 'reset']) await host.api.succeed('POST', `/vms/side/${verb}`, {});
    const { endedAt } = await host.api.expectDone<{ endedAt: string | null }>('GET', `/operations/${stop}`);
    expect(endedAt).toBeNull();
    expect(await host.api.ended(stop)).toMatchObject({ state: 'SUCCEEDED', error: null });
    const stopped = (await host.api.history(hung.id)).find(({ type }) => type === 'VmStopped');
    expect(stopped?.data).toMatchObject({ cause: 'user', wasForced: true });
    expect(await host.stateOf(hung.id)).toBe('shut off');
  });

  it('QEMU hung, asked to pause: the operation fails and says so, and a force-stop ends the VM', async () => {
    const { id } = await host.create('hung', idleSpec);
    const count = (await host.api.history(id)).length;
    signal(id, 'SIGSTOP');
    const pause = await host.end('POST', '/vms/hung/pause', {});
    expect(pause).toMatchObject({ state: 'FAILED', error: { code: 'VM_UNRESPONSIVE' } });
    expect(Date.parse(pause.endedAt ?? '') - Date.parse(pause.beganAt)).toBeLessThan(PAUSE_FAILS_WITHIN_MS);
    expect(await host.api.vm('hung')).toMatchObject({
      desired: { powerState: 'PAUSED' },
      observed: { powerState: 'RUNNING' },
      drift: [{ kind: 'power' }],
      operation: null,
    });
    expect((await host.typesOf(id)).slice(count)).toEqual(['VmPauseRequested', 'OperationBegan', 'OperationFailed']);
    await host.api.succeed('POST', '/vms/hung/stop', { mode: 'force' });
    expect(await host.stateOf(id)).toBe('shut off');
  });

  it('QEMU hung, deleted while it is asked to pause: the delete takes the place of the pause', async () => {
    const { id } = await host.create('hung', idleSpec);
    const count = (await host.api.history(id)).length;
    signal(id, 'SIGSTOP');
    const pause = await host.api.begin('POST', '/vms/hung/pause', {});
    await host.api.succeed('DELETE', '/vms/hung');
    expect(await host.api.ended(pause)).toMatchObject({ state: 'CANCELLED' });
    expect((await host.typesOf(id)).slice(count)).toEqual([
      ...['VmPauseRequested', 'OperationBegan'],
      ...['OperationCancelled', 'VmDeleteRequested', 'OperationBegan', 'OperationSucceeded', 'VmDeleted'],
    ]);
    expect((await host.api.send('GET', '/vms/hung')).status).toBe(404);
    expect(await host.domains()).not.toContain(domainOf(id));
    expect((await host.volumes()).filter((volume) => volume.startsWith(id))).toEqual([]);
    // The name is free.
    await host.create('hung', idleSpec);
  });
});
