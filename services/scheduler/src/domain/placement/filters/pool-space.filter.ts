import { readImageRef } from '@drover/contracts';
import { freePoolMiB, type Candidate } from '../candidate.state.js';
import { missingPermille, type HostFilter, type Wish } from './host.filter.js';

/**
 * The pools have the room that the disks may grow to. What earlier VMs may still grow by is not held back: volumes are
 * thin, and an operator who fills his pools is told so by their load, long before he is by refused VMs.
 */
export const poolSpaceFilter: HostFilter = {
  name: 'pool-space',
  admits: (candidate, wish) => {
    for (const pool in wish.demand.pools) {
      if (neededMiB(candidate, wish, pool) > Math.max(0, freePoolMiB(candidate, pool))) return false;
    }
    return true;
  },
  explain: (candidate, wish) => {
    const pool = tightestPool(candidate, wish);
    const needed = neededMiB(candidate, wish, pool);
    const freeMiB = freePoolMiB(candidate, pool);
    return {
      detail: `pool ${pool} needs ${needed} MiB, ${freeMiB} MiB are free`,
      numbers: { neededMiB: needed, freeMiB, capacityMiB: candidate.host.pools.get(pool)?.capacityMiB ?? 0 },
      missingPermille: missingPermille(needed, freeMiB),
    };
  },
};

/** With the disks that take the size of their image, which is the host's own. */
function neededMiB({ host }: Candidate, { demand }: Wish, pool: string): number {
  let needed = demand.pools[pool] ?? 0;
  for (const disk of demand.sizedByImage ?? []) {
    if (disk.pool === pool) needed += host.images.get(readImageRef(disk.image).name)?.virtualSizeMiB ?? 0;
  }
  return needed;
}

function tightestPool(candidate: Candidate, wish: Wish): string {
  const missing = (pool: string) => missingPermille(neededMiB(candidate, wish, pool), freePoolMiB(candidate, pool));
  return Object.keys(wish.demand.pools).reduce((worst, pool) => (missing(pool) > missing(worst) ? pool : worst));
}
