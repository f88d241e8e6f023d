/** What others do on a real host, and what is theirs: each title names its row of `docs/reference/faults.md`. */
import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connect, credsAuthenticator, headers } from '@nats-io/transport-node';
import {
  hostOrderAnswerSchema,
  messageHeaders,
  replySchema,
  sentOrderSchema,
  signedSchema,
  subjectsUnder,
  type VmResource,
  type VmSpecInput,
} from '@drover/contracts';
import { processMemoryMiB } from '@drover/fleet-model';
import type { FleetPart } from '@drover/testing';
import { domainOf, domainXml, markOf, RealHost, type OtherDomain } from './real-host.runner.js';

/** Firmware without a disk to boot from runs as well. */
const idleSpec: VmSpecInput = { memory: { sizeMiB: 32 } };
const subjects = subjectsUnder('drover');
const services: readonly FleetPart[] = ['api-gateway', 'node-agent', 'vm-manager', 'scheduler', 'ha-manager'];

describe('a real host that Drover shares with others', () => {
  let host: RealHost;
  const otherVmId = randomUUID();
  const foreign: readonly OtherDomain[] = [
    { name: 'somebody-elses', uuid: randomUUID(), memoryMiB: 64 },
    // Another Drover's VM.
    { name: domainOf(otherVmId), uuid: otherVmId, memoryMiB: 64, mark: markOf(randomUUID(), otherVmId) },
    // Only the name is like ours.
    { name: 'drover-web', uuid: randomUUID(), memoryMiB: 64 },
    { name: 'defined-only', uuid: randomUUID(), memoryMiB: 64 },
  ];

  beforeAll(async () => {
    host = await RealHost.start({}, async (libvirtd) => {
      for (const domain of foreign) {
        const file = path.join(libvirtd.dir, `${domain.uuid}.xml`);
        await writeFile(file, domainXml(domain));
        await libvirtd.virsh('define', file);
        if (domain.name !== 'defined-only') await libvirtd.virsh('start', domain.name);
      }
    });
  }, 240_000);
  afterAll(() => host?.stop());

  /** Everything of the given domains that a touch would change. */
  const looksOf = (names: readonly string[]) =>
    Promise.all(
      names.map(async (name) => ({
        name,
        state: await host.stateOf(name),
        definition: await host.virsh('dumpxml', '--inactive', name),
        process: (await host.stateOf(name)) === 'shut off' ? undefined : host.libvirtd.qemuPid(name),
      })),
    );
  const foreignNames = foreign.map((domain) => domain.name);
  const agentDoes = async (name: string) => {
    await host.create(name, idleSpec);
    await host.api.succeed('DELETE', `/vms/${name}`);
  };

  it("domain that is not ours: it is never touched, whatever becomes of ours, and not told as one of ours'", async () => {
    const before = await looksOf(foreignNames);
    await host.create('side', idleSpec);
    for (const verb of ['reboot', 'pause', 'resume', 'reset', 'stop', 'start']) {
      await host.api.succeed('POST', `/vms/side/${verb}`, {
        ...(/reboot|stop/.test(verb) ? { gracePeriodMs: 0 } : {}),
      });
    }
    await host.virsh('destroy', 'drover-web');
    await host.virsh('start', 'drover-web');
    await host.fullListSettled();
    await host.api.succeed('DELETE', '/vms/side');
    const after = await looksOf(foreignNames);
    // The one that its owner started again has another process.
    const withoutOwn = (looks: typeof before) =>
      looks.map((look) => ({ ...look, process: look.name === 'drover-web' ? undefined : look.process }));
    expect(withoutOwn(after)).toEqual(withoutOwn(before));
    expect(await host.strays()).toEqual([]);
    expect((await host.api.expectDone<{ items: unknown[] }>('GET', '/vms')).items).toEqual([]);
  });

  it('running domain that is not ours: its memory is not given away', async () => {
    const { memoryMiB, reservedMemoryMiB } = (await host.host()).inventory;
    const most = Math.floor((memoryMiB - reservedMemoryMiB) * 0.6);
    const big = { name: 'big', uuid: randomUUID(), memoryMiB: most };
    const file = path.join(host.libvirtd.dir, 'big.xml');
    await writeFile(file, domainXml(big));
    // It has hardly touched its memory yet, so the kernel calls most of it free: only the list of domains tells.
    await host.virsh('create', file);
    const operation = await host.end('POST', '/vms', { name: 'too-big', spec: { memory: { sizeMiB: most } } });
    expect(operation).toMatchObject({ state: 'FAILED', error: { code: 'HOST_FULL' } });
    expect(operation.error?.data).toMatchObject({ wantedMemoryMiB: processMemoryMiB(most), memoryMiB });
    expect(await host.stateOf('big')).toBe('running');
    expect(await host.typesOf(operation.subject.id)).toEqual([
      ...['VmRequested', 'OperationBegan', 'VmPlaced', 'OperationFailed', 'VmDeleted'],
    ]);
    expect((await host.api.send('GET', '/vms/too-big')).status).toBe(404);
    await host.virsh('destroy', 'big');
    expect(await host.domains()).toEqual([...foreignNames].sort());
  });

  it('VM destroyed behind our back: it is told as it is, and is not started again', async () => {
    const vm = await host.create('victim', idleSpec);
    const count = (await host.api.history(vm.id)).length;
    await host.virsh('destroy', vm.id);
    const seen = await host.api.vmUntil('victim', ({ observed }) => observed?.powerState === 'STOPPED');
    expect(seen).toMatchObject({
      desired: { powerState: 'RUNNING' },
      observed: { cause: 'outside' },
      drift: [{ kind: 'power' }],
      operation: null,
    });
    await host.fullListSettled();
    await agentDoes('after-destroy');
    expect(await host.stateOf(vm.id)).toBe('shut off');
    expect(await host.causesSince(vm.id, count)).toEqual(['VmStopped outside']);
    await host.api.succeed('POST', '/vms/victim/start', {});
    expect((await host.api.vm('victim')).drift).toEqual([]);
  });

  it('VM started by hand: it is told as it is, and is not stopped', async () => {
    const vm = await host.api.vm('victim');
    await host.api.succeed('POST', '/vms/victim/stop', { mode: 'force' });
    const count = (await host.api.history(vm.id)).length;
    await host.virsh('start', vm.id);
    const seen = await host.api.vmUntil('victim', ({ observed }) => observed?.powerState === 'RUNNING');
    expect(seen).toMatchObject({
      desired: { powerState: 'STOPPED' },
      observed: { cause: 'outside' },
      drift: [{ kind: 'power' }],
      operation: null,
    });
    const pid = host.libvirtd.qemuPid(domainOf(vm.id));
    await host.fullListSettled();
    await agentDoes('after-start');
    expect(await host.stateOf(vm.id)).toBe('running');
    expect(host.libvirtd.qemuPid(domainOf(vm.id))).toBe(pid);
    expect(await host.causesSince(vm.id, count)).toEqual(['VmStarted outside']);
  });

  it('VM whose domain was removed by hand: it is told as missing until it is there again', async () => {
    const vm = await host.create('removed', idleSpec);
    const definition = path.join(host.libvirtd.dir, 'removed.xml');
    await writeFile(definition, await host.virsh('dumpxml', '--inactive', vm.id));
    const count = (await host.api.history(vm.id)).length;
    await host.virsh('destroy', vm.id);
    await host.virsh('undefine', vm.id);
    const seen = await host.api.vmUntil('removed', ({ drift }) => drift.some(({ kind }) => kind === 'missing'));
    expect(seen).toMatchObject({
      desired: { powerState: 'RUNNING' },
      observed: { powerState: 'STOPPED', cause: 'outside' },
      operation: null,
    });
    await host.virsh('define', definition);
    await host.fullListSettled();
    const there = await host.api.vmUntil('removed', ({ drift }) => !drift.some(({ kind }) => kind === 'missing'));
    expect(there).toMatchObject({
      desired: { powerState: 'RUNNING' },
      observed: { powerState: 'STOPPED' },
      drift: [{ kind: 'power' }],
    });
    const since = await host.since(vm.id, count);
    expect(since).toMatchObject([
      { type: 'VmStopped', data: { cause: 'outside' } },
      { type: 'VmDriftFound', data: { kind: 'missing' } },
      { type: 'VmDriftSettled', data: { kind: 'missing' } },
    ]);
    await host.api.succeed('DELETE', '/vms/removed');
  });

  it('late copy of a start after a stop, on a real host: it does nothing', async () => {
    const { servers, inboxPrefix, credentialsFile } = host.fleet.administrator;
    const authenticator = credsAuthenticator(await readFile(credentialsFile));
    const administrator = await connect({ servers, inboxPrefix, authenticator });
    try {
      const heard: { subject: string; data: Uint8Array }[] = [];
      administrator.subscribe(subjects.hostOrder('*'), {
        callback: (_error, { subject, data }) => void heard.push({ subject, data: data.slice() }),
      });
      await administrator.flush();
      const vm = await host.create('late', idleSpec);
      await host.api.succeed('POST', '/vms/late/stop', { mode: 'force' });
      await host.api.succeed('POST', '/vms/late/start', {});
      await host.api.succeed('POST', '/vms/late/stop', { mode: 'force' });
      const orderOf = (data: Uint8Array) => {
        const signed = signedSchema.parse(JSON.parse(new TextDecoder().decode(data)));
        return sentOrderSchema.parse(JSON.parse(signed.body)).order;
      };
      const starts = heard.filter(({ data }) => ['create', 'start'].includes(orderOf(data).kind));
      expect(starts.length).toBeGreaterThanOrEqual(2);
      const count = (await host.api.history(vm.id)).length;
      // Before and after the agent has forgotten everything but its journal.
      for (const repeat of [() => Promise.resolve(), () => host.fullListSettled()]) {
        await repeat();
        for (const { subject, data } of starts) {
          const own = headers();
          own.set(messageHeaders.id, randomUUID());
          own.set(messageHeaders.ttlMs, '5000');
          const reply = await host.api.until('the agent answers', async () =>
            replySchema.parse((await administrator.request(subject, data, { headers: own, timeout: 5_000 })).json()),
          );
          if (!reply.ok) throw new Error(`the agent answered ${reply.error.code}`);
          expect(['taken', 'superseded']).toContain(hostOrderAnswerSchema.parse(reply.value).kind);
        }
        await agentDoes(`after-late-${randomUUID().slice(0, 8)}`);
        expect(await host.stateOf(vm.id)).toBe('shut off');
      }
      expect(await host.since(vm.id, count)).toEqual([]);
    } finally {
      await administrator.close();
    }
  });

  it('empty event store on a real host with running VMs: nothing is touched, ours are told as unknown', async () => {
    await host.create('keep', idleSpec);
    const names = await host.domains();
    const before = await looksOf(names);
    const ours = (await host.api.expectDone<{ items: VmResource[] }>('GET', '/vms')).items.map((vm) => vm.id).sort();
    expect(ours.length).toBeGreaterThanOrEqual(3);
    for (const part of [...services, 'postgres', 'nats'] as const) await host.fleet.endPart(part);
    await host.fleet.wipePostgres();
    await host.fleet.wipeNats();
    for (const part of ['nats', 'postgres', ...[...services].reverse()] as const) await host.fleet.startPart(part);
    host.api.forgetPosition();
    await host.api.hostsAlive(1);
    await host.api.until('every VM of ours is told as a stray', async () =>
      (await host.strays()).length >= ours.length ? true : undefined,
    );
    expect([...(await host.strays())].sort()).toEqual(ours);
    expect(new Set((await host.host()).strays?.map((stray) => stray.kind))).toEqual(new Set(['unknown']));
    expect((await host.api.expectDone<{ items: unknown[] }>('GET', '/vms')).items).toEqual([]);
    await agentDoes('new-life');
    expect(await looksOf(names)).toEqual(before);
    expect(await host.domains()).toEqual(names);
  });
});
