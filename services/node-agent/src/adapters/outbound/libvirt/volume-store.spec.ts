import { describe, expect, it } from '@jest/globals';
import { vmSpecSchema, type VmId } from '@drover/contracts';
import { errorCodes, LibvirtError, poolStates, type ErrorOrigin, type LibvirtClient } from '@drover/libvirt-rpc';
import type { ImageStore } from './image-store.adapter.js';
import { VolumeStore } from './volume-store.adapter.js';

const vmId = '0197b7a2-0000-7000-8000-000000000001' as VmId;
const [disk] = vmSpecSchema.parse({ disks: [{ name: 'data', sizeMiB: 1 }] }).disks;
if (disk === undefined) throw new Error('no disk');

const failure = (procedure: string, origin: ErrorOrigin, code: number = errorCodes.INTERNAL_ERROR) =>
  new LibvirtError('it failed', { procedure, origin, code, outcome: origin === 'client' ? 'unknown' : 'not-applied' });

/** A libvirt with the pool `default`, which fails as it is told to. */
function storeOver(failures: Readonly<Record<string, LibvirtError>>, availableBytes = 1n << 30n) {
  const pool = { name: 'default', uuid: '00000000-0000-0000-0000-000000000000' };
  const answers: Readonly<Record<string, unknown>> = {
    STORAGE_POOL_LOOKUP_BY_NAME: { pool },
    STORAGE_POOL_GET_INFO: { state: poolStates.running, capacity: 1n << 40n, available: availableBytes },
    STORAGE_POOL_REFRESH: {},
    STORAGE_VOL_CREATE_XML: {},
  };
  const noVolume = failure('STORAGE_VOL_LOOKUP_BY_NAME', 'daemon', errorCodes.NO_STORAGE_VOL);
  const asked: string[] = [];
  const call = (procedure: string) => {
    asked.push(procedure);
    const error = failures[procedure] ?? (procedure === 'STORAGE_VOL_LOOKUP_BY_NAME' ? noVolume : undefined);
    return error === undefined ? Promise.resolve(answers[procedure]) : Promise.reject(error);
  };
  return { store: new VolumeStore({ call } as unknown as LibvirtClient, {} as ImageStore), asked };
}

describe('the volume of a disk', () => {
  it.each(['STORAGE_VOL_LOOKUP_BY_NAME', 'STORAGE_VOL_CREATE_XML'])(
    'is told as waiting for libvirt where the connection breaks at %s, and nothing more is asked',
    async (procedure) => {
      const { store, asked } = storeOver({ [procedure]: failure(procedure, 'client') });
      await expect(store.create(vmId, disk)).rejects.toMatchObject({ code: 'HYPERVISOR_UNAVAILABLE' });
      expect(asked.at(-1)).toBe(procedure);
    },
  );

  it('is told as waiting for libvirt where the connection breaks while the pool is looked at', async () => {
    const { store } = storeOver({
      STORAGE_VOL_CREATE_XML: failure('STORAGE_VOL_CREATE_XML', 'daemon'),
      STORAGE_POOL_REFRESH: failure('STORAGE_POOL_REFRESH', 'client'),
    });
    await expect(store.create(vmId, disk)).rejects.toMatchObject({ code: 'HYPERVISOR_UNAVAILABLE' });
  });

  it('has no room in a pool that says so once it was looked at again', async () => {
    const failures = { STORAGE_VOL_CREATE_XML: failure('STORAGE_VOL_CREATE_XML', 'daemon') };
    await expect(storeOver(failures, 4096n).store.create(vmId, disk)).rejects.toMatchObject({
      code: 'POOL_FULL',
      outcome: 'not-applied',
    });
    await expect(storeOver(failures).store.create(vmId, disk)).rejects.toMatchObject({ code: 'HYPERVISOR_FAILED' });
  });
});
