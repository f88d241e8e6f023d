/** What a real host cannot do: each title names its row of `docs/reference/faults.md`. */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { OperationResource, VmSpecInput } from '@drover/contracts';
import { domainOf, ensureImages, RealHost, type ImageFolder } from './real-host.runner.js';

const idleSpec: VmSpecInput = { memory: { sizeMiB: 32 } };
const SMALL_POOL_MIB = 4;
const run = promisify(execFile);

/** A copy of the images, which may be changed, with an empty one more that is called `fleeting`. */
async function changeableImages(): Promise<ImageFolder> {
  const shared = await ensureImages();
  const folder = await mkdtemp(path.join(tmpdir(), 'drover-images-'));
  await cp(path.join(shared.path, 'guest'), path.join(folder, 'guest'), { recursive: true });
  await shared.remove();
  const fleeting = path.join(folder, 'fleeting');
  await mkdir(fleeting);
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', path.join(fleeting, 'disk.qcow2'), '1M']);
  const description = { name: 'fleeting', format: 'qcow2', disk: 'disk.qcow2', virtualSizeBytes: 1024 ** 2 };
  await writeFile(path.join(fleeting, 'image.json'), JSON.stringify(description));
  return { path: folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

describe('a real host that cannot do what is asked', () => {
  let host: RealHost;
  let images: ImageFolder;
  let storage: string;

  beforeAll(async () => {
    images = await changeableImages();
    storage = await mkdtemp(path.join(tmpdir(), 'drover-small-'));
    // Mounted before libvirtd gets its own mount namespace, so that both it and the agent see the same pool.
    await run('mount', ['-t', 'tmpfs', '-o', `size=${SMALL_POOL_MIB}m`, 'tmpfs', storage]);
    const furtherPools = [{ name: 'small', path: storage, reservedMiB: 0 }];
    host = await RealHost.start(
      { images, furtherPools, environment: { DROVER_HYPERVISOR_NETWORKS: 'default, inside' } },
      async (libvirtd) => {
        const network = path.join(libvirtd.dir, 'network.xml');
        await writeFile(network, `<network><name>inside</name><bridge name='drvinside0'/></network>`);
        await libvirtd.virsh('net-define', network);
        await libvirtd.virsh('net-start', 'inside');
      },
    );
  }, 240_000);
  afterAll(async () => {
    await host?.stop();
    await run('umount', [storage]);
    await rm(storage, { recursive: true });
  });

  const filler = (): string => path.join(storage, 'filler');

  /** A create that failed on the host is as if it had never been asked: nothing is left and the name is free. */
  async function expectUndone(name: string, operation: OperationResource, code: string): Promise<void> {
    expect(operation).toMatchObject({ state: 'FAILED', error: { code }, left: [] });
    const { id } = operation.subject;
    expect(await host.typesOf(id)).toEqual([
      ...['VmRequested', 'OperationBegan', 'VmPlaced', 'OperationFailed', 'VmDeleted'],
    ]);
    expect((await host.api.send('GET', `/vms/${name}`)).status).toBe(404);
    expect(await host.domains()).not.toContain(domainOf(id));
    for (const pool of ['drover-default', 'drover-small']) {
      expect((await host.volumes(pool)).filter((volume) => volume.startsWith(id))).toEqual([]);
    }
  }

  /** Nowhere is no host to have undone anything on. */
  async function expectUnplaced(operation: OperationResource, named: string): Promise<void> {
    expect(operation).toMatchObject({ state: 'FAILED', error: { code: 'NO_HOST_FITS' }, left: [] });
    expect(JSON.stringify(operation.error)).toContain(named);
    expect(await host.typesOf(operation.subject.id)).toEqual([
      ...['VmRequested', 'OperationBegan', 'VmPlacementFailed', 'OperationFailed', 'VmDeleted'],
    ]);
    expect((await host.api.send('GET', `/vms/${operation.subject.name}`)).status).toBe(404);
  }

  it('values that mean something in XML: they arrive as they were written', async () => {
    const text = `</description><devices><disk/></devices> "quoted" 'single' & &amp; ]]> $(reboot); rm -rf / \u{1f411}`;
    const vm = await host.create('odd', {
      ...idleSpec,
      metadata: { description: text, annotations: { 'a.b/c': '<&>"\'' } },
      labels: { tier: 'web' },
      disks: [{ name: 'data', sizeMiB: 1 }],
    });
    expect(vm.spec.metadata.description).toBe(text);
    expect((await host.virsh('desc', vm.id)).trim()).toBe(text);
    expect((await host.virsh('desc', vm.id, '--title')).trim()).toBe('odd');
    expect((await host.virsh('domblklist', vm.id)).trim().split('\n')).toHaveLength(1);
    await host.api.succeed('DELETE', '/vms/odd');
  });

  it('CPU model that the host does not have in full: nothing is made anywhere', async () => {
    for (const model of ['Nonexistent-v9', 'Skylake-Server']) {
      const spec = { ...idleSpec, cpu: { model }, disks: [{ name: 'data', sizeMiB: 1 }] };
      if ((await host.host()).inventory.offers?.cpuModels.includes(model) === true) continue;
      await expectUnplaced(await host.end('POST', '/vms', { name: 'odd-cpu', spec }), model);
    }
  });

  it('pool full before a create: the create fails and is undone', async () => {
    const before = (await host.host()).inventory;
    expect(before.pools.find(({ name }) => name === 'small')?.availableMiB).toBe(SMALL_POOL_MIB);
    // The scheduler knows of the free space that the host told last; since then somebody has filled the pool.
    host.fleet.freeze('node-agent');
    const begun = await host.api.begin('POST', '/vms', {
      name: 'no-room',
      spec: { ...idleSpec, disks: [{ name: 'data', pool: 'small', sizeMiB: 1 }] },
    });
    await host.api.vmUntil('no-room', ({ placement }) => placement !== null);
    await host.inNamespace('sh', '-c', `cat /dev/zero > ${filler()} 2>/dev/null || true`);
    host.fleet.thaw('node-agent');
    await expectUndone('no-room', await host.api.ended(begun), 'POOL_FULL');
    await host.inNamespace('rm', filler());
    await host.api.hostsAlive(1);
  });

  /** A VM whose second disk is about as large as the small pool. */
  async function createWriter(): Promise<string> {
    await host.api.until('the room in the pool is known', async () => {
      const operation = await host.end('POST', '/vms', {
        name: 'writer',
        spec: {
          disks: [
            { name: 'root', image: 'guest' },
            { name: 'data', pool: 'small', sizeMiB: SMALL_POOL_MIB - 1 },
          ],
        },
      });
      return operation.state === 'SUCCEEDED' ? true : undefined;
    });
    const { id } = await host.api.vm('writer');
    await host.agentAnswers(id);
    return id;
  }

  /** Somebody fills the small pool, the guest writes to its disk there, and QEMU pauses it. */
  async function runOutOfRoom(id: string): Promise<void> {
    await host.inNamespace('sh', '-c', `cat /dev/zero > ${filler()} 2>/dev/null || true`);
    await host.askAgent(id, 'guest-exec', {
      path: 'dd',
      arg: ['if=/dev/urandom', 'of=/dev/vdb', 'bs=64k', 'count=32', 'oflag=direct'],
    });
    await host.api.until('QEMU has paused the guest', async () =>
      (await host.virsh('domstate', id, '--reason')).trim() === 'paused (I/O error)' ? true : undefined,
    );
  }

  async function expectPausedByHost(id: string, count: number): Promise<void> {
    const paused = await host.api.vmUntil('writer', ({ observed }) => observed?.powerState === 'PAUSED');
    expect(paused).toMatchObject({ desired: { powerState: 'RUNNING' }, drift: [{ kind: 'power' }] });
    expect(await host.since(id, count)).toMatchObject([{ type: 'VmPaused', data: { cause: 'host', isIoError: true } }]);
  }

  it('pool that fills up under a running guest: it is paused before data is lost, and goes on when there is room', async () => {
    const id = await createWriter();
    const count = (await host.api.history(id)).length;
    await runOutOfRoom(id);
    await expectPausedByHost(id, count);
    await host.inNamespace('rm', filler());
    await host.api.succeed('POST', '/vms/writer/resume', {});
    await host.agentAnswers(id);
    expect(await host.stateOf(id)).toBe('running');
    expect((await host.api.vm('writer')).drift).toEqual([]);
    await host.api.succeed('DELETE', '/vms/writer');
  });

  it('pool that fills up while the node-agent is away: the pause is told as one that the host made', async () => {
    const id = await createWriter();
    const count = (await host.api.history(id)).length;
    await host.fleet.endPart('node-agent');
    await runOutOfRoom(id);
    await host.fleet.startPart('node-agent');
    await expectPausedByHost(id, count);
    await host.inNamespace('rm', filler());
    await host.api.hostsAlive(1);
    await host.api.succeed('DELETE', '/vms/writer');
  });

  it('image that is missing on every host: no place is found, and the refusal names the image', async () => {
    const operation = await host.end('POST', '/vms', {
      name: 'x',
      spec: { disks: [{ name: 'root', image: 'nowhere' }] },
    });
    await expectUnplaced(operation, 'nowhere');
  });

  it('image removed after the host told of it: the create fails and is undone', async () => {
    const spec: VmSpecInput = { ...idleSpec, disks: [{ name: 'root', image: 'fleeting' }] };
    await host.create('imaged', spec);
    await host.api.succeed('DELETE', '/vms/imaged');
    await rm(path.join(images.path, 'fleeting'), { recursive: true });
    await expectUndone('gone', await host.end('POST', '/vms', { name: 'gone', spec }), 'IMAGE_NOT_FOUND');
  });

  it('network that is missing on every host: no place is found, and the refusal names the network', async () => {
    const operation = await host.end('POST', '/vms', {
      name: 'x',
      spec: { ...idleSpec, nics: [{ network: 'nowhere' }] },
    });
    await expectUnplaced(operation, 'nowhere');
  });

  it('network that went away after the host told of it: the create fails and is undone', async () => {
    const spec: VmSpecInput = { ...idleSpec, nics: [{ network: 'inside' }] };
    await host.create('connected', spec);
    await host.api.succeed('DELETE', '/vms/connected');
    host.fleet.freeze('node-agent');
    const begun = await host.api.begin('POST', '/vms', { name: 'cut-off', spec });
    await host.api.vmUntil('cut-off', ({ placement }) => placement !== null);
    await host.virsh('net-destroy', 'inside');
    await host.virsh('net-undefine', 'inside');
    host.fleet.thaw('node-agent');
    await expectUndone('cut-off', await host.api.ended(begun), 'NETWORK_NOT_FOUND');
    await host.api.hostsAlive(1);
  });
});
