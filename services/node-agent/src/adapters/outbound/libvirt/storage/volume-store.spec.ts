import { mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { vmSpecSchema, type VmId } from '@drover/contracts';
import { MemoryVolumeBook } from '@drover/hypervisor/testing';
import { errorCodes, LibvirtError, poolStates, type ErrorOrigin, type LibvirtClient } from '@drover/libvirt-rpc';
import { volumeName } from '@drover/libvirt-xml';
import type { ImageStore } from './image-store.adapter.js';
import { PoolStore } from './pool-store.adapter.js';
import { VolumeStore } from './volume-store.adapter.js';

const vmId = '0197b7a2-0000-7000-8000-000000000001' as VmId;
const [disk] = vmSpecSchema.parse({ disks: [{ name: 'data', sizeMiB: 1 }] }).disks;
if (disk === undefined) throw new Error('no disk');
const volume = { pool: 'default', volume: volumeName(vmId, 'data', 'qcow2') };

const failure = (procedure: string, origin: ErrorOrigin, code: number = errorCodes.INTERNAL_ERROR) =>
  new LibvirtError('it failed', { procedure, origin, code, outcome: origin === 'client' ? 'unknown' : 'not-applied' });
const noVolume = failure('STORAGE_VOL_LOOKUP_BY_NAME', 'daemon', errorCodes.NO_STORAGE_VOL);

describe('volumes on libvirt', () => {
  let folder: string;
  let book: MemoryVolumeBook;

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'drover-pool-'));
    book = new MemoryVolumeBook();
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  /** A libvirt with the pool `drover-default`, which fails as it is told to. */
  function storeOver(
    failures: Readonly<Record<string, LibvirtError>> = {},
    given: {
      readonly configured?: string;
      readonly reservedMiB?: number;
      readonly state?: number;
      readonly target?: string;
    } = {},
  ) {
    const pool = { name: 'drover-default', uuid: '00000000-0000-0000-0000-000000000000' };
    const xml = `<pool type='dir'><target><path>${given.target ?? folder}</path></target></pool>`;
    const answers: Readonly<Record<string, unknown>> = {
      STORAGE_POOL_LOOKUP_BY_NAME: { pool },
      STORAGE_POOL_GET_INFO: { state: given.state ?? poolStates.running },
      STORAGE_POOL_GET_XML_DESC: { xml },
      STORAGE_POOL_CREATE: {},
      STORAGE_POOL_REFRESH: {},
      STORAGE_VOL_CREATE_XML: {},
      STORAGE_VOL_DELETE: {},
    };
    const asked: string[] = [];
    const call = (procedure: string) => {
      asked.push(procedure);
      const error = failures[procedure] ?? (procedure === 'STORAGE_VOL_LOOKUP_BY_NAME' ? noVolume : undefined);
      return error === undefined ? Promise.resolve(answers[procedure]) : Promise.reject(error);
    };
    const client = { call } as unknown as LibvirtClient;
    const offered = {
      name: 'default',
      libvirtName: 'drover-default',
      path: given.configured ?? folder,
      reservedMiB: given.reservedMiB ?? 0,
    };
    const pools = new PoolStore(client, [offered]);
    return { store: new VolumeStore(client, {} as ImageStore, pools), pools, asked };
  }

  it.each(['STORAGE_VOL_LOOKUP_BY_NAME', 'STORAGE_VOL_CREATE_XML'])(
    'are told as waiting for libvirt where the connection breaks at %s, and nothing more is asked',
    async (procedure) => {
      const { store, asked } = storeOver({ [procedure]: failure(procedure, 'client') });
      await expect(store.create(vmId, disk, book)).rejects.toMatchObject({ code: 'HYPERVISOR_UNAVAILABLE' });
      expect(asked.at(-1)).toBe(procedure);
    },
  );

  it('are refused for the first reason, whatever fails while that is looked into', async () => {
    const { store, asked } = storeOver({ STORAGE_VOL_CREATE_XML: failure('STORAGE_VOL_CREATE_XML', 'daemon') });
    const creating = store.create(vmId, disk, {
      has: () => false,
      making: () => rm(folder, { recursive: true }),
      notMade: () => Promise.resolve(),
    });
    await expect(creating).rejects.toMatchObject({
      code: 'HYPERVISOR_FAILED',
      message: expect.stringContaining('it failed'),
    });
    expect(asked).not.toContain('STORAGE_POOL_REFRESH');
  });

  it('are refused with the numbers where the pool has no more than what it keeps free', async () => {
    const { store, asked } = storeOver({}, { reservedMiB: 2 ** 40 });
    await expect(store.create(vmId, disk, book)).rejects.toMatchObject({
      code: 'POOL_FULL',
      outcome: 'not-applied',
      data: { pool: 'default', neededMiB: 1, freeMiB: 0, reservedMiB: 2 ** 40 },
    });
    expect(asked).not.toContain('STORAGE_VOL_CREATE_XML');
  });

  it('are not made over a file that libvirt has not seen, and it is not noted as ours', async () => {
    const file = path.join(folder, volume.volume);
    await writeFile(file, 'not ours');
    const { store, asked } = storeOver();
    await expect(store.create(vmId, disk, book)).rejects.toMatchObject({ code: 'VOLUME_FOREIGN', data: volume });
    expect(book.volumes).toEqual([]);
    expect(asked).not.toContain('STORAGE_VOL_CREATE_XML');
  });

  it('are not ours where somebody else is quicker', async () => {
    const { store } = storeOver({
      STORAGE_VOL_CREATE_XML: failure('STORAGE_VOL_CREATE_XML', 'daemon', errorCodes.STORAGE_VOL_EXIST),
    });
    await expect(store.create(vmId, disk, book)).rejects.toMatchObject({ code: 'VOLUME_FOREIGN' });
    expect(book.volumes).toEqual([]);
  });

  it('are noted as ours before they are made', async () => {
    const { store, asked } = storeOver();
    let wasAsked = true;
    await store.create(vmId, disk, {
      has: () => false,
      making: () => {
        wasAsked = asked.includes('STORAGE_VOL_CREATE_XML');
        return Promise.resolve();
      },
      notMade: () => Promise.resolve(),
    });
    expect(wasAsked).toBe(false);
    expect(asked).toContain('STORAGE_VOL_CREATE_XML');
  });

  it('are found by name: no pool is listed or looked through', async () => {
    const { store, asked } = storeOver();
    await store.create(vmId, disk, book);
    expect(await store.delete([volume])).toEqual([]);
    expect(asked.filter((procedure) => procedure.includes('LIST') || procedure.includes('REFRESH'))).toEqual([]);
  });

  it('are left, with the reason, where libvirt refuses to delete them', async () => {
    const vol = { pool: 'drover-default', name: volume.volume, key: '' };
    const { asked, ...rest } = storeOver({ STORAGE_VOL_DELETE: failure('STORAGE_VOL_DELETE', 'daemon') });
    const client = {
      call: (procedure: string) =>
        procedure === 'STORAGE_VOL_LOOKUP_BY_NAME'
          ? Promise.resolve({ vol })
          : Promise.reject(failure(procedure, 'daemon')),
    } as unknown as LibvirtClient;
    const store = new VolumeStore(client, {} as ImageStore, rest.pools);
    expect(await store.delete([volume])).toEqual([{ ...volume, why: expect.stringContaining('it failed') }]);
    expect(asked).not.toContain('STORAGE_POOL_REFRESH');
  });

  it('of a pool that is not offered are refused, and libvirt is not asked about it', async () => {
    const { store, asked } = storeOver();
    const other = { ...disk, pool: 'other' };
    await expect(store.create(vmId, other, book)).rejects.toMatchObject({ code: 'POOL_NOT_FOUND' });
    expect(asked).toEqual([]);
  });

  it('of a pool that is not active wait for nothing but its start', async () => {
    const started = storeOver({}, { state: poolStates.inactive });
    await started.store.create(vmId, disk, book);
    expect(started.asked).toContain('STORAGE_POOL_CREATE');
    const stuck = storeOver(
      { STORAGE_POOL_CREATE: failure('STORAGE_POOL_CREATE', 'daemon') },
      { state: poolStates.inactive },
    );
    await expect(stuck.store.create(vmId, disk, book)).rejects.toMatchObject({ code: 'POOL_INACTIVE' });
    expect(await stuck.pools.list()).toMatchObject([
      { name: 'default', problem: expect.stringContaining('it failed') },
    ]);
  });

  it('of a pool whose folder is away are refused, and no empty folder is made in its place', async () => {
    await rename(folder, `${folder}.away`);
    const { store, asked } = storeOver({}, { state: poolStates.inactive });
    await expect(store.create(vmId, disk, book)).rejects.toMatchObject({ code: 'POOL_INACTIVE' });
    expect(asked).not.toContain('STORAGE_POOL_BUILD');
    await rename(`${folder}.away`, folder);
    await store.create(vmId, disk, book);
  });

  it('are made in a folder that the configuration names by a link or with a slash behind it', async () => {
    const link = `${folder}.link`;
    await symlink(folder, link);
    const { store, asked } = storeOver({}, { configured: `${link}/`, target: link });
    await store.create(vmId, disk, book);
    expect(asked).toContain('STORAGE_VOL_CREATE_XML');
    await rm(link);
  });

  it('are not made in a pool of our name that is another folder', async () => {
    const { store, asked } = storeOver({}, { target: '/somewhere/else' });
    await expect(store.create(vmId, disk, book)).rejects.toMatchObject({ code: 'POOL_INACTIVE' });
    expect(asked).not.toContain('STORAGE_POOL_CREATE');
  });
});
