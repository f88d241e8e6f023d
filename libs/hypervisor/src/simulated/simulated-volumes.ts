import { Rejected, errors, type VolumeRef } from '@drover/contracts';
import type { VmDefinition } from '../hypervisor.port.js';
import type { SeenVolume, VolumeBook } from '../volume-book.port.js';
import { imageOf } from './simulated-images.js';
import { simulatedVolumeName } from './settled-definition.policy.js';
import type { SimulatedMachine } from './simulated-machine.driver.js';
import type { SimulatedDomain } from './simulated-machine.state.js';

const MIB = 1024 ** 2;

/** One disk's volume on a simulated host, under the same rules as on a real one. */
export async function makeVolume(
  machine: SimulatedMachine,
  vm: VmDefinition,
  disk: VmDefinition['spec']['disks'][number],
  book: VolumeBook,
): Promise<void> {
  const volume = { pool: disk.pool, volume: simulatedVolumeName(vm, disk.name) };
  const unusable = whyUnusable(machine, disk.pool);
  if (unusable !== undefined) {
    if (machine.hasPool(disk.pool)) throw errors.POOL_INACTIVE('not-applied', unusable);
    throw new Rejected(errors.POOL_NOT_FOUND(unusable));
  }
  const isThere = machine.volume(volume.pool, volume.volume) !== undefined;
  if (isThere && book.has(volume)) return;
  if (isThere)
    throw new Rejected(errors.VOLUME_FOREIGN(`volume ${volume.volume} of pool ${volume.pool} is not of this VM`));
  const image = disk.image === undefined ? undefined : imageOf(machine, disk.image);
  const sizeMiB = disk.sizeMiB ?? image?.sizeMiB ?? 0;
  if (sizeMiB > machine.availableMiB(disk.pool)) {
    throw errors.POOL_FULL('not-applied', `pool ${disk.pool} has no ${sizeMiB} MiB left`);
  }
  await book.making({ ...volume, sizeBytes: sizeMiB * MIB });
  machine.putVolume({ pool: volume.pool, name: volume.volume, sizeMiB });
}

export function whyUnusable(machine: SimulatedMachine, pool: string): string | undefined {
  if (!machine.hasPool(pool)) return `the host has no pool ${pool}`;
  return machine.isActivePool(pool) ? undefined : `pool ${pool} is not active`;
}

export function seen(machine: SimulatedMachine, { pool, volume }: VolumeRef): SeenVolume {
  const found = machine.volume(pool, volume);
  return { pool, volume, ...(found === undefined ? {} : { sizeBytes: found.sizeMiB * MIB }) };
}

/** What keeps a domain of ours from starting, in words. */
export function missingVolume(machine: SimulatedMachine, { settled }: SimulatedDomain): string | undefined {
  const gone = settled?.disks.find(({ pool, volume }) => machine.volume(pool, volume) === undefined);
  return gone === undefined ? undefined : `volume ${gone.volume} of disk ${gone.name} is not in pool ${gone.pool}`;
}
