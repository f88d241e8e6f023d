import type { VolumeRef } from '@drover/contracts';
import type { MadeVolume, VolumeBook } from '../volume-book.port.js';

/** What an agent keeps in its journal, in memory. */
export class MemoryVolumeBook implements VolumeBook {
  readonly #volumes = new Map<string, MadeVolume>();

  get volumes(): readonly VolumeRef[] {
    return Array.from(this.#volumes.values(), ({ pool, volume }) => ({ pool, volume }));
  }

  has(volume: VolumeRef): boolean {
    return this.#volumes.has(keyOf(volume));
  }

  making(volume: MadeVolume): Promise<void> {
    this.#volumes.set(keyOf(volume), volume);
    return Promise.resolve();
  }

  notMade(volume: VolumeRef): Promise<void> {
    this.#volumes.delete(keyOf(volume));
    return Promise.resolve();
  }
}

function keyOf({ pool, volume }: VolumeRef): string {
  return `${pool}/${volume}`;
}
