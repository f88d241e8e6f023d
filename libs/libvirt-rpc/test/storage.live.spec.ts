/** Pools, volumes and their data against real libvirt, disks against real QEMU. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startPrivateLibvirtd } from '@drover/testing';
import type { PrivateLibvirtd } from '@drover/testing';
import { errorCodes, LibvirtClient, poolStates, volumeTypes } from '../src/index.js';
import type { LibvirtPoolRef, LibvirtVolume, RpcStream } from '../src/index.js';
import { tinyDomain, uuids } from './tiny-domain.js';
import { until } from './until.js';

const [uuid] = uuids;
const mebibyte = 1_048_576;

let libvirtd: PrivateLibvirtd;
let client: LibvirtClient;
let directory: string;
let pool: LibvirtPoolRef;

beforeAll(async () => {
  libvirtd = await startPrivateLibvirtd();
}, 60_000);
afterAll(() => libvirtd.stop(), 60_000);

beforeEach(async () => {
  client = new LibvirtClient({ socketPath: libvirtd.socketPath });
  await client.connect();
  directory = path.join(libvirtd.dir, 'pool');
  mkdirSync(directory);
  pool = await client.pools.define(`<pool type='dir'><name>p</name><target><path>${directory}</path></target></pool>`);
  await client.pools.create(pool);
});
afterEach(async () => {
  await client.pools.destroy(pool);
  await client.pools.undefine(pool);
  client.close();
  rmSync(directory, { recursive: true });
});

function rawVolume(name: string, bytes: number, format = 'raw'): Promise<LibvirtVolume> {
  const xml = `<volume><name>${name}</name><capacity>${bytes}</capacity><target><format type='${format}'/>${format === 'qcow2' ? '<compat>1.1</compat>' : ''}</target></volume>`;
  return client.volumes.create(pool, xml);
}

async function sha256(stream: RpcStream): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of stream) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

describe('pools and volumes', () => {
  it('are what virsh shows', async () => {
    const volume = await rawVolume('v', mebibyte);
    expect(await client.pools.lookupByName('p')).toEqual(pool);
    expect((await client.pools.info(pool)).state).toBe(poolStates.running);
    expect((await client.pools.xml(pool)).trim()).toBe(await libvirtd.virsh('pool-dumpxml', 'p'));
    expect((await client.volumes.xml(volume)).trim()).toBe(await libvirtd.virsh('vol-dumpxml', 'v', '--pool', 'p'));
    expect(await client.volumes.path(volume)).toBe(path.join(directory, 'v'));
    expect(await client.volumes.lookupByPath(path.join(directory, 'v'))).toEqual(volume);
    expect(await client.volumes.info(volume)).toMatchObject({ type: volumeTypes.file, capacity: mebibyte });
    await client.volumes.resize(volume, 2 * mebibyte);
    expect(await client.volumes.info(volume)).toMatchObject({ capacity: 2 * mebibyte });
    await client.volumes.delete(volume);
    await expect(client.volumes.lookupByName(pool, 'v')).rejects.toMatchObject({ code: errorCodes.NO_STORAGE_VOL });
  });

  it('tell when files came without libvirt, after a refresh that is an event', async () => {
    const refreshed: string[] = [];
    const off = await client.on('storagePoolRefresh', (event) => refreshed.push(event.pool.name));
    await libvirtd.virsh('vol-create-as', 'p', 'foreign', '1M');
    await client.pools.refresh(pool);
    expect((await client.pools.volumes(pool)).map(({ name }) => name)).toEqual(['foreign']);
    await until(() => refreshed.length > 0);
    await off();
  });

  it('are refused twice under one name', async () => {
    await rawVolume('v', mebibyte);
    await expect(rawVolume('v', mebibyte)).rejects.toMatchObject({
      code: errorCodes.STORAGE_VOL_EXIST,
      outcome: 'not-applied',
    });
  });
});

describe('the data of a volume', () => {
  it('comes back as it went, at any size of chunk, and is copied by libvirt itself', async () => {
    const data = randomBytes(9 * mebibyte + 123);
    const volume = await rawVolume('v', data.length);
    const chunks = function* () {
      for (let at = 0, size = 1; at < data.length; at += size, size = Math.min(size * 3, 3 * mebibyte)) {
        yield data.subarray(at, at + size);
      }
    };
    await pipeline(Readable.from(chunks()), await client.volumes.upload(volume));
    const wanted = createHash('sha256').update(data).digest('hex');
    expect(
      createHash('sha256')
        .update(readFileSync(path.join(directory, 'v')))
        .digest('hex'),
    ).toBe(wanted);
    expect(await sha256(await client.volumes.download(volume, 0, data.length))).toBe(wanted);
    const xml = `<volume><name>copy</name><capacity>${data.length}</capacity><target><format type='raw'/></target></volume>`;
    const copy = await client.volumes.createFrom(pool, xml, volume);
    expect(await sha256(await client.volumes.download(copy, 0, data.length))).toBe(wanted);
  }, 60_000);

  it('waits in the daemon while it is not taken, and holds up no calls', async () => {
    const volume = await rawVolume('v', 32 * mebibyte);
    const stream = await client.volumes.download(volume);
    const calls = Array.from({ length: 50 }, () => client.host.libVersion());
    await Promise.all(calls);
    expect(stream.readableLength).toBeLessThan(4 * mebibyte);
    let bytes = 0;
    for await (const chunk of stream) bytes += (chunk as Buffer).length;
    expect(bytes).toBe(32 * mebibyte);
  }, 60_000);

  it('may be left in the middle', async () => {
    const volume = await rawVolume('v', 32 * mebibyte);
    for await (const chunk of await client.volumes.download(volume)) {
      expect((chunk as Buffer).length).toBeGreaterThan(0);
      break;
    }
    const upload = await client.volumes.upload(volume);
    upload.write(randomBytes(mebibyte));
    upload.destroy();
    // Libvirt refuses to delete a volume that a stream still uses.
    await until(() =>
      client.volumes.delete(volume).then(
        () => true,
        () => false,
      ),
    );
  }, 60_000);

  it('that is too much is refused on the way', async () => {
    const volume = await rawVolume('v', mebibyte);
    const stream = await client.volumes.upload(volume, 0, mebibyte);
    const sent = pipeline(Readable.from([randomBytes(2 * mebibyte)]), stream);
    await expect(sent).rejects.toMatchObject({ name: 'LibvirtError', procedure: 'STORAGE_VOL_UPLOAD' });
  });
});

describe('the disk of a domain', () => {
  it('has statistics, grows, and goes back to its snapshots', async () => {
    await rawVolume('disk', 8 * mebibyte, 'qcow2');
    const disk = `<disk type='file'><driver name='qemu' type='qcow2'/><source file='${directory}/disk'/>
      <target dev='vda' bus='virtio'/></disk>`;
    await client.domains.define(tinyDomain('tiny', uuid, disk));
    const off = await client.snapshots.create(uuid, '<domainsnapshot><name>off</name></domainsnapshot>');
    await client.domains.create(uuid);
    expect(await client.statistics.blockInfo(uuid, 'vda')).toMatchObject({ capacity: 8 * mebibyte });
    expect(Object.keys(await client.statistics.block(uuid, 'vda'))).toContain('rd_bytes');
    await client.jobs.blockResize(uuid, 'vda', 16 * mebibyte);
    expect(await client.statistics.blockInfo(uuid, 'vda')).toMatchObject({ capacity: 16 * mebibyte });
    expect(await client.jobs.block(uuid, 'vda')).toBeUndefined();
    expect(await client.jobs.stats(uuid)).toMatchObject({ type: 0 });
    const on = await client.snapshots.create(uuid, '<domainsnapshot><name>on</name></domainsnapshot>');
    expect((await client.snapshots.list(uuid)).map(({ name }) => name).sort()).toEqual(['off', 'on']);
    expect((await client.snapshots.xml(on)).trim()).toBe(await libvirtd.virsh('snapshot-dumpxml', 'tiny', 'on'));
    await client.snapshots.revert(on);
    expect(await client.domains.isActive(uuid)).toBe(true);
    await client.snapshots.delete(on);
    await client.snapshots.delete(off);
    expect(await client.snapshots.list(uuid)).toEqual([]);
    await client.domains.destroy(uuid);
    await client.domains.undefine(uuid);
  }, 60_000);
});
