import type { ListedDomain } from '@drover/contracts';
import { volumeKey, type OwnVolume } from '../journal/journal.state.js';

export type VolumeProblems = NonNullable<ListedDomain['volumeProblems']>;

interface Seen {
  readonly pool: string;
  readonly volume: string;
  readonly sizeBytes?: number;
}

const MIB = 1024 ** 2;
const MAX_PROBLEMS = 32;

/** The difference between the volumes that were made for a VM and those that were seen. What was not looked at is not judged. */
export function volumeProblems(own: Iterable<OwnVolume>, seen: ReadonlyMap<string, Seen>): VolumeProblems {
  const problems: VolumeProblems = [];
  for (const volume of own) {
    const found = seen.get(volumeKey(volume));
    if (found === undefined || volume.isOwed) continue;
    const where = `volume ${volume.volume} in pool ${volume.pool}`;
    if (found.sizeBytes === undefined)
      problems.push({ kind: 'missing', detail: `${where} is not there`.slice(0, 300) });
    else if (volume.sizeBytes !== undefined && found.sizeBytes !== volume.sizeBytes) {
      const detail = `${where} has ${inMiB(found.sizeBytes)}, and was made with ${inMiB(volume.sizeBytes)}`;
      problems.push({ kind: 'size', detail: detail.slice(0, 300) });
    }
  }
  return problems.slice(0, MAX_PROBLEMS);
}

const inMiB = (bytes: number): string => `${Math.round((bytes * 100) / MIB) / 100} MiB`;
