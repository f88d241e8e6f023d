import { errorCodes, listDomains, statsFlags, statsGroups, type LibvirtClient } from '@drover/libvirt-rpc';
import { attempt, isUnanswered, orUndefined } from '../libvirt-faults.js';

/** Longer than libvirt takes for a thousand QEMUs that answer. */
const BULK_MS = 2_000;

/**
 * MiB that every domain with a process may use, by its UUID, from one call for all.
 *
 * The call asks each QEMU in passing how its balloon is. One that hung since it was asked last holds the answer up; those
 * that libvirt waits for already are passed by, and told without. So after a short wait the same is asked of libvirt's own
 * books, one domain at a time: no hung VM may delay the start of another.
 */
export function readHeldMemoryMiB(client: LibvirtClient): Promise<ReadonlyMap<string, number>> {
  return attempt('read the memory of the running domains', async () => {
    try {
      return await readAll(client);
    } catch (error) {
      if (!isUnanswered(error)) throw error;
      return readEach(client);
    }
  });
}

async function readAll(client: LibvirtClient): Promise<ReadonlyMap<string, number>> {
  const { retStats } = await client.call(
    'CONNECT_GET_ALL_DOMAIN_STATS',
    { doms: [], stats: statsGroups.balloon, flags: statsFlags.active | statsFlags.nowait },
    { timeoutMs: BULK_MS },
  );
  return new Map(
    retStats.map(({ dom, params }) => {
      // Not `balloon.current`: what the guest has given back it may take again.
      const maximum = params.find(({ field }) => field === 'balloon.maximum');
      if (maximum === undefined) throw new Error('libvirt told a running domain without its memory');
      return [dom.uuid, toMiB(maximum.value)];
    }),
  );
}

async function readEach(client: LibvirtClient): Promise<ReadonlyMap<string, number>> {
  const { domains } = await client.call('CONNECT_LIST_ALL_DOMAINS', { need_results: 1, flags: listDomains.active });
  const held = await Promise.all(
    domains.map(async (dom): Promise<readonly (readonly [string, number])[]> => {
      const reply = await orUndefined(client.call('DOMAIN_GET_MAX_MEMORY', { dom }), errorCodes.NO_DOMAIN);
      return reply === undefined ? [] : [[dom.uuid, toMiB(reply.memory)]];
    }),
  );
  return new Map(held.flat());
}

function toMiB(kib: unknown): number {
  return Math.ceil(Number(kib) / 1024);
}
