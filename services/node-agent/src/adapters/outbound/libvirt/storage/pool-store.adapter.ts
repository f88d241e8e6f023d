import { stat, statfs } from 'node:fs/promises';
import path from 'node:path';
import { errors, Rejected, isFailure } from '@drover/contracts';
import { errorCodes, poolStates, type LibvirtClient } from '@drover/libvirt-rpc';
import { readPool, writeFolderPool, type PoolDescription } from '@drover/libvirt-xml';
import { attempt, isAnswer, orUndefined } from '../libvirt-faults.js';

/** A pool that this host offers. Libvirt may have others; they are neither shown nor touched. */
export interface OfferedPool {
  /** As specs and reports name it. */
  readonly name: string;
  readonly libvirtName: string;
  /** Of a folder pool, which is defined where it is missing. Absent: somebody else defines the pool. */
  readonly path?: string;
  /** Free space below which nothing more is made in it: what is there already still grows. */
  readonly reservedMiB: number;
}

export interface PoolState {
  readonly name: string;
  readonly type: string;
  /** Why its volumes cannot be reached now. */
  readonly problem?: string;
  readonly capacityMiB: number;
  /** Above what is reserved. */
  readonly availableMiB: number;
}

export interface UsablePool {
  readonly offered: OfferedPool;
  readonly ref: PoolRef;
  readonly description: PoolDescription;
}

interface PoolRef {
  readonly name: string;
  readonly uuid: string;
}

const MIB = 1024 ** 2;

/** The pools of one host, through libvirt: one that is offered is started again whenever it is needed and can be. */
export class PoolStore {
  readonly #client: LibvirtClient;
  readonly #offered: readonly OfferedPool[];

  constructor(client: LibvirtClient, offered: readonly OfferedPool[]) {
    this.#client = client;
    // As libvirt writes paths, which are compared with its own.
    this.#offered = offered.map((pool) =>
      pool.path === undefined ? pool : { ...pool, path: path.resolve(pool.path) },
    );
  }

  /** Every pool that is offered and defined, whether it can be used now or not. */
  async list(): Promise<readonly PoolState[]> {
    const states = await Promise.all(this.#offered.map((offered) => this.#stateOf(offered)));
    return states.flat().sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** A pool whose volumes can be reached. Fails `POOL_NOT_FOUND`, or `POOL_INACTIVE` with the reason. */
  async use(name: string): Promise<UsablePool> {
    const offered = this.#offered.find((pool) => pool.name === name);
    const data = { pool: name };
    if (offered === undefined) {
      const names = this.#offered.map((pool) => pool.name).join(', ');
      throw new Rejected(errors.POOL_NOT_FOUND(`the host offers no pool ${name}, only ${names}`, { data }));
    }
    return attempt(`open the pool ${name}`, async () => {
      const { libvirtName, path: folder } = offered;
      const ref =
        (await this.#find(libvirtName)) ?? (folder === undefined ? undefined : await this.#define(offered, folder));
      if (ref === undefined) {
        const detail = `libvirt has no pool ${libvirtName}, which is the host's pool ${name}`;
        throw new Rejected(errors.POOL_NOT_FOUND(detail, { data }));
      }
      const description = await this.#describe(ref);
      if (folder !== undefined && description.folder !== folder) {
        const detail = `libvirt's pool ${libvirtName} is ${description.folder ?? description.type}, not the folder ${folder}`;
        throw errors.POOL_INACTIVE('not-applied', detail, { data });
      }
      const isRunning = (await this.#client.call('STORAGE_POOL_GET_INFO', { pool: ref })).state === poolStates.running;
      // Libvirt does not notice by itself that a folder has gone, and makes an empty one where it builds a pool again.
      if (isFolder(description) && !(await isDirectory(description.folder))) {
        throw errors.POOL_INACTIVE('not-applied', `pool ${name}: ${description.folder} is no folder`, { data });
      }
      if (!isRunning) await this.#start(name, ref);
      return { offered, ref, description };
    });
  }

  /** Where the volumes of those pools are that are plain folders and can be used, by name. */
  async folders(): Promise<ReadonlyMap<string, string>> {
    const folders = await Promise.all(
      this.#offered.map(async ({ name, path: folder }): Promise<readonly [string, string][]> => {
        const isThere = folder !== undefined && (await isDirectory(folder));
        return isThere ? [[name, folder]] : [];
      }),
    );
    return new Map(folders.flat());
  }

  /** Bytes of a pool that may be filled, above what is reserved; below 0 where that is used already. */
  async freeBytes({ offered, ref, description }: UsablePool): Promise<number> {
    return (await this.#space(ref, description)).availableBytes - offered.reservedMiB * MIB;
  }

  async #stateOf(offered: OfferedPool): Promise<readonly PoolState[]> {
    const { name, reservedMiB } = offered;
    try {
      const { ref, description } = await this.use(name);
      const { availableBytes, capacityBytes } = await this.#space(ref, description);
      return [
        {
          name,
          type: description.type,
          capacityMiB: Math.floor(capacityBytes / MIB),
          availableMiB: Math.max(0, Math.floor(availableBytes / MIB) - reservedMiB),
        },
      ];
    } catch (error) {
      if (!isFailure(error)) throw error;
      if (error.code === 'POOL_NOT_FOUND') return [];
      if (error.code === 'HYPERVISOR_UNAVAILABLE' || error.outcome === 'unknown') throw error;
      // One pool that cannot be used does not take the others along.
      return [{ name, type: '', problem: error.message.slice(0, 300), capacityMiB: 0, availableMiB: 0 }];
    }
  }

  /** Libvirt knows how much is free in a folder only from when it last looked through all of it. */
  async #space(pool: PoolRef, description: PoolDescription) {
    if (isFolder(description)) {
      const { bavail, blocks, bsize } = await statfs(description.folder);
      return { capacityBytes: blocks * bsize, availableBytes: bavail * bsize };
    }
    const info = await this.#client.call('STORAGE_POOL_GET_INFO', { pool });
    return { capacityBytes: Number(info.capacity), availableBytes: Number(info.available) };
  }

  async #find(name: string): Promise<PoolRef | undefined> {
    return orUndefined(
      this.#client.call('STORAGE_POOL_LOOKUP_BY_NAME', { name }).then(({ pool }) => pool),
      errorCodes.NO_STORAGE_POOL,
    );
  }

  /** Makes the folder too, now and never again: where one that was there is missing, its disk may not be mounted. */
  async #define({ libvirtName }: OfferedPool, folder: string): Promise<PoolRef> {
    const xml = writeFolderPool(libvirtName, folder);
    const { pool } = await this.#client.call('STORAGE_POOL_DEFINE_XML', { xml, flags: 0 });
    await this.#client.call('STORAGE_POOL_BUILD', { pool, flags: 0 });
    return pool;
  }

  async #start(name: string, pool: PoolRef): Promise<void> {
    try {
      await this.#client.call('STORAGE_POOL_CREATE', { pool, flags: 0 });
    } catch (error) {
      if (!isAnswer(error)) throw error;
      const info = await this.#client.call('STORAGE_POOL_GET_INFO', { pool });
      // Somebody else started it first.
      if (info.state === poolStates.running) return;
      const detail = `pool ${name} is not active and cannot be started: ${error.message}`.slice(0, 500);
      throw errors.POOL_INACTIVE('not-applied', detail, { cause: error, data: { pool: name } });
    }
  }

  async #describe(pool: PoolRef): Promise<PoolDescription> {
    return readPool((await this.#client.call('STORAGE_POOL_GET_XML_DESC', { pool, flags: 0 })).xml);
  }
}

/** A plain folder on a file system of this host; what a network brings may hang a process that looks at it. */
export function isFolder(description: PoolDescription): description is PoolDescription & { readonly folder: string } {
  return description.type === 'dir' && description.folder !== undefined;
}

async function isDirectory(folder: string): Promise<boolean> {
  return stat(folder).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}
