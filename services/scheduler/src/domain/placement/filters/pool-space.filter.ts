import { freePoolMiB, type Candidate } from '../candidate.state.js';
import { missingPermille, type HostFilter, type Wish } from './host.filter.js';

/**
 * The pools have the room that the disks may grow to. What earlier VMs may still grow by is not held back: volumes are
 * thin, and an operator who fills his pools is told so by their load, long before he is by refused VMs.
 */
export const poolSpaceFilter: HostFilter = {
  name: 'pool-space',
  admits: (candidate, { demand }) => {
    for (const pool in demand.pools) if ((demand.pools[pool] ?? 0) > spaceFor(candidate, pool)) return false;
    return true;
  },
  explain: (candidate, wish) => {
    const [pool, neededMiB] = tightestPool(candidate, wish);
    const freeMiB = freePoolMiB(candidate, pool);
    return {
      detail: `pool ${pool} needs ${neededMiB} MiB, ${freeMiB} MiB are free`,
      numbers: { neededMiB, freeMiB, capacityMiB: candidate.host.pools.get(pool)?.capacityMiB ?? 0 },
      missingPermille: missingPermille(neededMiB, freeMiB),
    };
  },
};

/** Never below 0, so that a pool that need only exist is not refused for being overfull. */
function spaceFor(candidate: Candidate, pool: string): number {
  return Math.max(0, freePoolMiB(candidate, pool));
}

function tightestPool(candidate: Candidate, { demand }: Wish): readonly [string, number] {
  return Object.entries(demand.pools).reduce((worst, pool) =>
    missingPermille(pool[1], freePoolMiB(candidate, pool[0])) >
    missingPermille(worst[1], freePoolMiB(candidate, worst[0]))
      ? pool
      : worst,
  );
}
