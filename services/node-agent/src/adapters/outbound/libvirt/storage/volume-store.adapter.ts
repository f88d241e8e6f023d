import { lstat } from 'node:fs/promises';
import path from 'node:path';
import { type VmId, type VmSpec, type VolumeRef, errors, Rejected, isFailure } from '@drover/contracts';
import type { LeftVolume, SeenVolume, VolumeBook } from '@drover/hypervisor';
import { errorCodes, type LibvirtClient } from '@drover/libvirt-rpc';
import { readVolume, volumeName, writeVolume, type DiskPlace } from '@drover/libvirt-xml';
import { isAbsent } from './file-errors.js';
import type { HostImage, ImageStore } from './image-store.adapter.js';
import { attempt, isAnswer, isLibvirtCode, orUndefined } from '../libvirt-faults.js';
import { readDiskSize } from './disk-size.adapter.js';
import { isFolder, type PoolStore, type UsablePool } from './pool-store.adapter.js';

type Disk = VmSpec['disks'][number];
interface FoundVolume {
  readonly pool: string;
  readonly name: string;
  readonly key: string;
}

const MIB = 1024 ** 2;

/**
 * Volumes of one host, through libvirt, always by name: a pool may hold more files than libvirt can list. Whose a volume is
 * the agent's book says; libvirt has no place for a mark of ours.
 */
export class VolumeStore {
  readonly #client: LibvirtClient;
  readonly #images: ImageStore;
  readonly #pools: PoolStore;

  constructor(client: LibvirtClient, images: ImageStore, pools: PoolStore) {
    this.#client = client;
    this.#images = images;
    this.#pools = pools;
  }

  /** One disk's volume. One that is there already must be ours and what would have been made. */
  async create(vmId: VmId, disk: Disk, book: VolumeBook): Promise<void> {
    const image = disk.image === undefined ? undefined : await this.#images.get(disk.image);
    const sizeBytes = sizeOf(disk, image);
    const pool = await this.#pools.use(disk.pool);
    const name = volumeName(vmId, disk.name, disk.format);
    const ref: VolumeRef = { pool: disk.pool, volume: name };
    await attempt(`create the volume of disk ${disk.name}`, async () => {
      const existing = await this.#find(pool, name);
      if (book.has(ref)) {
        const own = existing ?? (await this.#findUnlisted(pool, name));
        if (own !== undefined) return this.#requireSame(own, disk, image);
      } else if (existing !== undefined || (await isFileIn(pool, name))) {
        throw foreign(ref);
      }
      await this.#requireRoom(pool, disk, sizeBytes);
      await book.making({ ...ref, sizeBytes });
      try {
        await this.#make(pool, name, disk, sizeBytes, image);
      } catch (error) {
        if (await isInTheWay(error, pool, name)) {
          await book.notMade(ref);
          throw foreign(ref, error);
        }
        // A daemon that did not answer cannot say either what was wrong.
        if (isAnswer(error)) await this.#requireRoom(pool, disk, sizeBytes, error);
        throw error;
      }
    });
  }

  /** Where the volume of a disk is. */
  async place(vmId: VmId, disk: Disk): Promise<DiskPlace> {
    const pool = await this.#pools.use(disk.pool);
    const name = volumeName(vmId, disk.name, disk.format);
    return attempt(`find the volume of disk ${disk.name}`, async () => {
      const vol = (await this.#find(pool, name)) ?? (await this.#findUnlisted(pool, name));
      if (vol === undefined) {
        const detail = `volume ${name} of disk ${disk.name} is not in pool ${disk.pool}`;
        throw errors.VOLUME_MISSING('not-applied', detail, { data: { pool: disk.pool, volume: name } });
      }
      const { name: file } = await this.#client.call('STORAGE_VOL_GET_PATH', { vol });
      return { name: disk.name, path: file, format: disk.format };
    });
  }

  /** Deletes these; what cannot be deleted now is returned with the reason. */
  async delete(volumes: readonly VolumeRef[]): Promise<readonly LeftVolume[]> {
    const left: LeftVolume[] = [];
    for (const volume of volumes) {
      const why = await this.#delete(volume);
      if (why !== undefined) left.push({ ...volume, why });
    }
    return left;
  }

  /** By their files, and only in plain folders: no guest's QEMU is asked, and no network waited for. */
  async look(volumes: readonly VolumeRef[]): Promise<readonly SeenVolume[]> {
    const folders = await this.#pools.folders();
    const seen: SeenVolume[] = [];
    for (const { pool, volume } of volumes) {
      const folder = folders.get(pool);
      const sizeBytes = folder === undefined ? undefined : await readDiskSize(path.join(folder, volume));
      if (sizeBytes === 'missing') seen.push({ pool, volume });
      else if (sizeBytes !== undefined) seen.push({ pool, volume, sizeBytes });
    }
    return seen;
  }

  async #delete({ pool: poolName, volume }: VolumeRef): Promise<string | undefined> {
    try {
      const pool = await this.#pools.use(poolName);
      await attempt('delete the volume', async () => {
        const vol = (await this.#find(pool, volume)) ?? (await this.#findUnlisted(pool, volume));
        if (vol === undefined) return;
        await orUndefined(this.#client.call('STORAGE_VOL_DELETE', { vol, flags: 0 }), errorCodes.NO_STORAGE_VOL);
      });
      return undefined;
    } catch (error) {
      // A daemon that does not answer is waited for, and the call repeated; its own "no" stays a "no" for some time.
      if (!isFailure(error) || error.code === 'HYPERVISOR_UNAVAILABLE' || error.outcome === 'unknown') throw error;
      return error.message.slice(0, 300);
    }
  }

  async #make(pool: UsablePool, name: string, disk: Disk, sizeBytes: number, image: HostImage | undefined) {
    const backing = image === undefined ? {} : { backing: { path: image.diskPath, format: image.format } };
    const xml = writeVolume({ name, format: disk.format, capacityBytes: sizeBytes, ...backing });
    await this.#client.call('STORAGE_VOL_CREATE_XML', { pool: pool.ref, xml, flags: 0 });
  }

  /** Room for all that the disk may grow to, as placement counts it. */
  async #requireRoom(pool: UsablePool, disk: Disk, sizeBytes: number, cause?: unknown): Promise<void> {
    const freeBytes = await this.#pools.freeBytes(pool).catch((error: unknown) => {
      // Why a volume could not be made is worth more than why the look for that failed.
      throw cause ?? error;
    });
    if (freeBytes >= sizeBytes) return;
    const { name, reservedMiB } = pool.offered;
    const data = {
      pool: name,
      neededMiB: Math.ceil(sizeBytes / MIB),
      freeMiB: Math.max(0, Math.floor(freeBytes / MIB)),
      reservedMiB,
    };
    const detail =
      `disk ${disk.name} may grow to ${data.neededMiB} MiB, and pool ${name} has ${data.freeMiB} MiB left ` +
      `above the ${reservedMiB} MiB that are kept free`;
    throw errors.POOL_FULL('not-applied', detail, { cause, data });
  }

  async #find(pool: UsablePool, name: string): Promise<FoundVolume | undefined> {
    return orUndefined(
      this.#client.call('STORAGE_VOL_LOOKUP_BY_NAME', { pool: pool.ref, name }).then(({ vol }) => vol),
      errorCodes.NO_STORAGE_VOL,
    );
  }

  /** A volume of ours whose file libvirt has not seen yet, because it ended between making it and noting it. */
  async #findUnlisted(pool: UsablePool, name: string): Promise<FoundVolume | undefined> {
    if (!(await isFileIn(pool, name))) return undefined;
    await this.#client.call('STORAGE_POOL_REFRESH', { pool: pool.ref, flags: 0 });
    return this.#find(pool, name);
  }

  async #requireSame(vol: FoundVolume, disk: Disk, image: HostImage | undefined): Promise<void> {
    const { xml } = await this.#client.call('STORAGE_VOL_GET_XML_DESC', { vol, flags: 0 });
    const { backingPath, format } = readVolume(xml);
    if (format === disk.format && backingPath === image?.diskPath) return;
    const detail = `volume ${vol.name} was made for disk ${disk.name} and is not what it needs`;
    throw errors.HYPERVISOR_FAILED('not-applied', detail, { data: { pool: disk.pool, volume: vol.name } });
  }
}

function foreign(ref: VolumeRef, cause?: unknown): Rejected {
  const detail = `pool ${ref.pool} has a volume ${ref.volume} that Drover did not make`;
  return new Rejected(errors.VOLUME_FOREIGN(detail, { data: { ...ref } }), { cause });
}

/** Libvirt refuses a name that it has and a file that it has not seen yet; nothing of its own is left of either attempt. */
async function isInTheWay(error: unknown, pool: UsablePool, name: string): Promise<boolean> {
  if (isLibvirtCode(error, errorCodes.STORAGE_VOL_EXIST)) return true;
  return isLibvirtCode(error, errorCodes.OPERATION_INVALID) && isFileIn(pool, name);
}

async function isFileIn({ description }: UsablePool, name: string): Promise<boolean> {
  if (!isFolder(description)) return false;
  return lstat(path.join(description.folder, name)).then(
    () => true,
    (error: unknown) => {
      if (isAbsent(error)) return false;
      throw errors.HYPERVISOR_FAILED('not-applied', `cannot look at ${name} in ${description.folder}`, {
        cause: error,
      });
    },
  );
}

function sizeOf(disk: Disk, image: HostImage | undefined): number {
  const wanted = disk.sizeMiB === undefined ? undefined : disk.sizeMiB * MIB;
  if (image === undefined) return wanted ?? 0;
  if (wanted !== undefined && wanted < image.virtualSizeBytes) {
    throw new Rejected(
      errors.INVALID_DEFINITION(
        `disk ${disk.name} is to be ${wanted / MIB} MiB, less than the ${Math.ceil(image.virtualSizeBytes / MIB)} MiB of image ${image.name}`,
      ),
    );
  }
  return wanted ?? image.virtualSizeBytes;
}
