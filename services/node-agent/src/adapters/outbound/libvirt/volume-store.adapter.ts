import { Fault, type VmId, type VmSpec } from '@drover/contracts';
import { errorCodes, listPools, poolStates, type LibvirtClient } from '@drover/libvirt-rpc';
import {
  isVolumeOf,
  readPoolType,
  readVolume,
  volumeName,
  writeFolderPool,
  writeVolume,
  type DiskPlace,
} from '@drover/libvirt-xml';
import type { HostImage, ImageStore } from './image-store.adapter.js';
import { attempt, isAnswer, isLibvirtCode, orUndefined } from './libvirt-faults.js';

type Disk = VmSpec['disks'][number];
interface PoolRef {
  readonly name: string;
  readonly uuid: string;
}

const MIB = 1024 ** 2;
/** A pool with less than this cannot even take a new overlay. */
const SMALLEST_ROOM_BYTES = MIB;

export interface PoolState {
  readonly name: string;
  readonly capacityMiB: number;
  readonly availableMiB: number;
}

/** Pools and volumes of one host, through libvirt. */
export class VolumeStore {
  readonly #client: LibvirtClient;
  readonly #images: ImageStore;

  constructor(client: LibvirtClient, images: ImageStore) {
    this.#client = client;
    this.#images = images;
  }

  /** Makes sure that a pool is there and active; one that exists under this name is used as it is. */
  async ensureFolderPool(name: string, path: string): Promise<void> {
    await attempt(`open the pool ${name}`, async () => {
      const pool =
        (await this.#findPool(name)) ??
        (await this.#client.call('STORAGE_POOL_DEFINE_XML', { xml: writeFolderPool(name, path), flags: 0 })).pool;
      if (!(await this.#isInactive(pool))) return;
      // Makes a folder that is missing. For other kinds of pool building means formatting, which nobody has asked for.
      if ((await this.#typeOf(pool)) === 'dir') await this.#client.call('STORAGE_POOL_BUILD', { pool, flags: 0 });
      await this.#client.call('STORAGE_POOL_CREATE', { pool, flags: 0 });
    });
  }

  async listPools(): Promise<readonly PoolState[]> {
    const { pools } = await this.#client.call('CONNECT_LIST_ALL_STORAGE_POOLS', {
      need_results: 1,
      flags: listPools.active,
    });
    const states = await Promise.all(
      pools.map(async (pool): Promise<readonly PoolState[]> => {
        try {
          const info = await this.#client.call('STORAGE_POOL_GET_INFO', { pool });
          return [
            {
              name: pool.name,
              capacityMiB: Math.floor(Number(info.capacity) / MIB),
              availableMiB: Math.floor(Number(info.available) / MIB),
            },
          ];
        } catch (error) {
          // Undefined between the list and the question.
          if (isLibvirtCode(error, errorCodes.NO_STORAGE_POOL)) return [];
          throw error;
        }
      }),
    );
    return states.flat().sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async listPoolsWithTypes(): Promise<readonly (PoolState & { readonly type: string })[]> {
    const pools = await this.listPools();
    return Promise.all(
      pools.map(async ({ name, ...sizes }) => {
        const { pool } = await this.#client.call('STORAGE_POOL_LOOKUP_BY_NAME', { name });
        return { name, type: await this.#typeOf(pool), ...sizes };
      }),
    );
  }

  /** One disk's volume. One that is there already must be what would have been made, else it is not ours to use. */
  async create(vmId: VmId, disk: Disk): Promise<void> {
    const image = disk.image === undefined ? undefined : await this.#images.get(disk.image);
    const capacityBytes = capacityOf(disk, image);
    const pool = await this.#pool(disk.pool);
    const name = volumeName(vmId, disk.name, disk.format);
    const backing = image === undefined ? {} : { backing: { path: image.diskPath, format: image.format } };
    const xml = writeVolume({ name, format: disk.format, capacityBytes, ...backing });
    await attempt(`create the volume of disk ${disk.name}`, async () => {
      const existing = await this.#findVolume(pool, name);
      if (existing !== undefined) return this.#requireSame(existing, disk, image);
      try {
        await this.#client.call('STORAGE_VOL_CREATE_XML', { pool, xml, flags: 0 });
      } catch (error) {
        // A daemon that did not answer cannot say either what was wrong.
        if (!isAnswer(error) || !(await this.#isFull(pool))) throw error;
        const detail = `no space left in pool ${pool.name} for disk ${disk.name}`;
        throw new Fault('POOL_FULL', 'not-applied', detail, { cause: error, data: { pool: pool.name } });
      }
    });
  }

  /** Where the volume of a disk is. */
  async place(vmId: VmId, disk: Disk): Promise<DiskPlace> {
    const pool = await this.#pool(disk.pool);
    const name = volumeName(vmId, disk.name, disk.format);
    return attempt(`find the volume of disk ${disk.name}`, async () => {
      const { vol } = await this.#client.call('STORAGE_VOL_LOOKUP_BY_NAME', { pool, name });
      const { name: path } = await this.#client.call('STORAGE_VOL_GET_PATH', { vol });
      return { name: disk.name, path, format: disk.format };
    });
  }

  /** Deletes every volume of this VM in every active pool; none there is done. */
  async deleteAllOf(vmId: VmId): Promise<void> {
    await attempt('delete the volumes', async () => {
      const { pools } = await this.#client.call('CONNECT_LIST_ALL_STORAGE_POOLS', {
        need_results: 1,
        flags: listPools.active,
      });
      for (const pool of pools) {
        const { vols } = await this.#client.call('STORAGE_POOL_LIST_ALL_VOLUMES', { pool, need_results: 1, flags: 0 });
        for (const vol of vols.filter((candidate) => isVolumeOf(vmId, candidate.name))) {
          await orUndefined(this.#client.call('STORAGE_VOL_DELETE', { vol, flags: 0 }), errorCodes.NO_STORAGE_VOL);
        }
      }
    });
  }

  async #pool(name: string): Promise<PoolRef> {
    return attempt(`open the pool ${name}`, async () => {
      const pool = await this.#findPool(name);
      if (pool === undefined)
        throw new Fault('POOL_NOT_FOUND', 'not-applied', `no pool ${name}`, { data: { pool: name } });
      if (await this.#isInactive(pool)) await this.#client.call('STORAGE_POOL_CREATE', { pool, flags: 0 });
      return pool;
    });
  }

  async #findPool(name: string): Promise<PoolRef | undefined> {
    return orUndefined(
      this.#client.call('STORAGE_POOL_LOOKUP_BY_NAME', { name }).then(({ pool }) => pool),
      errorCodes.NO_STORAGE_POOL,
    );
  }

  async #isInactive(pool: PoolRef): Promise<boolean> {
    return (await this.#client.call('STORAGE_POOL_GET_INFO', { pool })).state === poolStates.inactive;
  }

  async #typeOf(pool: PoolRef): Promise<string> {
    return readPoolType((await this.#client.call('STORAGE_POOL_GET_XML_DESC', { pool, flags: 0 })).xml);
  }

  async #findVolume(pool: PoolRef, name: string) {
    return orUndefined(
      this.#client.call('STORAGE_VOL_LOOKUP_BY_NAME', { pool, name }).then(({ vol }) => vol),
      errorCodes.NO_STORAGE_VOL,
    );
  }

  async #requireSame(
    vol: { readonly pool: string; readonly name: string; readonly key: string },
    disk: Disk,
    image: HostImage | undefined,
  ): Promise<void> {
    const { xml } = await this.#client.call('STORAGE_VOL_GET_XML_DESC', { vol, flags: 0 });
    const volume = readVolume(xml);
    if (volume.format !== disk.format || volume.backingPath !== image?.diskPath) {
      throw new Fault(
        'VOLUME_FOREIGN',
        'not-applied',
        `volume ${vol.name} in pool ${vol.pool} is not what disk ${disk.name} needs`,
        {
          data: { pool: vol.pool, volume: vol.name },
        },
      );
    }
  }

  /** By what the pool says once it has looked again; libvirt's message is not for deciding. */
  async #isFull(pool: PoolRef): Promise<boolean> {
    await this.#client.call('STORAGE_POOL_REFRESH', { pool, flags: 0 });
    const { available } = await this.#client.call('STORAGE_POOL_GET_INFO', { pool });
    return Number(available) < SMALLEST_ROOM_BYTES;
  }
}

function capacityOf(disk: Disk, image: HostImage | undefined): number {
  const wanted = disk.sizeMiB === undefined ? undefined : disk.sizeMiB * MIB;
  if (image === undefined) return wanted ?? 0;
  if (wanted !== undefined && wanted < image.virtualSizeBytes) {
    throw new Fault(
      'INVALID_DEFINITION',
      'not-applied',
      `disk ${disk.name} is to be ${wanted / MIB} MiB, less than the ${Math.ceil(image.virtualSizeBytes / MIB)} MiB of image ${image.name}`,
    );
  }
  return wanted ?? image.virtualSizeBytes;
}
