import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { VmResource } from '@drover/contracts';
import { domainOf, guestSpec, RealHost } from './real-host.runner.js';

const program = path.resolve(import.meta.dirname, '../../apps/cli/dist/main.js');

describe('the main job, by REST on real libvirt and QEMU', () => {
  let host: RealHost;
  let vm: VmResource;

  beforeAll(async () => {
    host = await RealHost.start();
  }, 240_000);
  afterAll(() => host?.stop());

  it('boots a VM on the host that the scheduler chose, and its guest agent answers', async () => {
    vm = await host.create('life', { ...guestSpec, labels: { tier: 'web' } });
    expect(vm).toMatchObject({
      desired: { powerState: 'RUNNING' },
      observed: { powerState: 'RUNNING', cause: 'user', hostId: host.fleet.hosts[0]?.id },
      placement: { generation: { epoch: 1, n: 1 } },
      drift: [],
      operation: null,
    });
    expect(await host.domains()).toEqual([domainOf(vm.id)]);
    expect((await host.virsh('desc', vm.id, '--title')).trim()).toBe('life');
    expect(await host.virsh('dominfo', vm.id)).toMatch(/Autostart:\s+disable/);
    expect(await host.bootCount(vm.id)).toBe(1);
  });

  it('stops it by asking the guest, and starts it from the same disk', async () => {
    await host.api.succeed('POST', '/vms/life/stop', { gracePeriodMs: 60_000 });
    expect(await host.stateOf(vm.id)).toBe('shut off');
    const stopped = (await host.api.history(vm.id)).findLast((event) => event.type === 'VmStopped');
    expect(stopped?.data).toMatchObject({ cause: 'user', wasForced: false });
    await host.api.succeed('POST', '/vms/life/start', {});
    expect(await host.bootCount(vm.id)).toBe(2);
  });

  it('reboots it by asking the guest', async () => {
    await host.api.succeed('POST', '/vms/life/reboot', { gracePeriodMs: 60_000 });
    await host.bootCountReaches(vm.id, 3);
  });

  it('reboots one by force whose guest is not asked long enough, and stops it for good afterwards', async () => {
    await host.api.succeed('POST', '/vms/life/reboot', { gracePeriodMs: 0 });
    await host.bootCountReaches(vm.id, 4);
    await host.api.succeed('POST', '/vms/life/stop', { gracePeriodMs: 60_000 });
    expect(await host.stateOf(vm.id)).toBe('shut off');
    await host.api.succeed('POST', '/vms/life/start', {});
    expect(await host.bootCount(vm.id)).toBe(5);
  });

  it('resets it', async () => {
    await host.api.succeed('POST', '/vms/life/reset', {});
    await host.bootCountReaches(vm.id, 6);
  });

  it('pauses it, so that the guest is silent, and resumes it, so that it answers', async () => {
    await host.api.succeed('POST', '/vms/life/pause', {});
    expect(await host.stateOf(vm.id)).toBe('paused');
    await expect(host.askAgent(vm.id, 'guest-ping', {}, 2)).rejects.toThrow();
    await host.api.succeed('POST', '/vms/life/resume', {});
    expect(await host.stateOf(vm.id)).toBe('running');
    await host.agentAnswers(vm.id);
    expect(await host.bootCount(vm.id)).toBe(6);
  });

  it('tells a reboot and a power-off that the guest itself began, once each', async () => {
    const before = (await host.api.history(vm.id)).length;
    // The agent goes with its guest: no answer comes.
    await host.askAgent(vm.id, 'guest-shutdown', { mode: 'reboot' }, 2).catch((error: unknown) => error);
    await host.bootCountReaches(vm.id, 7);
    await host.askAgent(vm.id, 'guest-shutdown', { mode: 'powerdown' }, 2).catch((error: unknown) => error);
    await host.api.vmUntil('life', (seen) => seen.observed?.powerState === 'STOPPED');
    expect((await host.since(vm.id, before)).map(({ type, data }) => ({ type, data }))).toMatchObject([
      { type: 'VmRebooted', data: { cause: 'guest' } },
      { type: 'VmStopped', data: { cause: 'guest', wasForced: false } },
    ]);
    expect((await host.api.vm('life')).drift).toMatchObject([{ kind: 'power' }]);
  });

  it('deletes it and leaves libvirt clean', async () => {
    await host.api.succeed('DELETE', '/vms/life');
    expect(await host.domains()).toEqual([]);
    expect(await host.volumes()).toEqual([]);
    expect(host.libvirtd.children()).toEqual([]);
    expect((await host.api.send('GET', '/vms/life')).status).toBe(404);
  });

  it('has told every step as an event, in order, once', async () => {
    expect(await host.typesOf(vm.id)).toEqual([
      ...['VmRequested', 'OperationBegan', 'VmPlaced', 'VmDefined', 'VmStarted', 'OperationSucceeded'],
      ...['VmStopRequested', 'OperationBegan', 'VmStopped', 'OperationSucceeded'],
      ...['VmStartRequested', 'OperationBegan', 'VmStarted', 'OperationSucceeded'],
      ...['VmRebootRequested', 'OperationBegan', 'VmRebooted', 'OperationSucceeded'],
      ...['VmRebootRequested', 'OperationBegan', 'VmRebooted', 'OperationSucceeded'],
      ...['VmStopRequested', 'OperationBegan', 'VmStopped', 'OperationSucceeded'],
      ...['VmStartRequested', 'OperationBegan', 'VmStarted', 'OperationSucceeded'],
      ...['VmResetRequested', 'OperationBegan', 'VmReset', 'OperationSucceeded'],
      ...['VmPauseRequested', 'OperationBegan', 'VmPaused', 'OperationSucceeded'],
      ...['VmResumeRequested', 'OperationBegan', 'VmResumed', 'OperationSucceeded'],
      ...['VmRebooted', 'VmStopped'],
      ...['VmDeleteRequested', 'OperationBegan', 'OperationSucceeded', 'VmDeleted'],
    ]);
  });

  it('has met nothing on the way that its agent would have to warn of', async () => {
    const log = await readFile(path.join(host.fleet.home.logFolder, 'node-agent.log'), 'utf8');
    const entries = log
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { level: string; message: string });
    const isOpenFrom = entries.findIndex(({ message }) => message === 'registered and open for orders');
    expect(isOpenFrom).toBeGreaterThanOrEqual(0);
    expect(entries.slice(isOpenFrom).filter(({ level }) => level !== 'info')).toEqual([]);
  });

  it('boots a real VM for one command line', async () => {
    const ctl = (...words: string[]) =>
      new Promise<{ status: number | null; out: string }>((resolve, reject) => {
        const child = spawn(process.execPath, [program, ...words], {
          env: { PATH: process.env['PATH'], DROVER_URL: host.api.url, DROVER_TOKEN: host.api.token },
        });
        let out = '';
        for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (out += String(chunk)));
        child.once('error', reject);
        child.once('close', (status) => resolve({ status, out }));
      });
    expect(await ctl('vms', 'create', 'a', '--wait')).toMatchObject({ status: 0 });
    const { id } = await host.api.vm('a');
    expect(await host.bootCount(id)).toBe(1);
    expect(await ctl('vms', 'delete', 'a', '--wait')).toMatchObject({ status: 0 });
    expect(await host.domains()).toEqual([]);
  });
});
