import type { Demand } from '@drover/contracts';
import { minus, NO_RESOURCES, plus, type Resources } from './capacity.js';

/** What VMs or reservations take of a host, together. */
export interface Usage {
  readonly count: number;
  readonly resources: Resources;
  /**
   * Per pool, what has been promised to VMs whose volumes are not there yet. Once they are, the host's own report of free
   * space tells more: volumes grow as they are written, and the sum of their sizes says little about the space they take.
   */
  readonly promisedPoolMiB: ReadonlyMap<string, number>;
}

export const NO_USAGE: Usage = { count: 0, resources: NO_RESOURCES, promisedPoolMiB: new Map() };

interface Counted {
  readonly demand: Demand;
  readonly isDefined: boolean;
}

export function usageWith(usage: Usage, counted: Counted): Usage {
  return {
    count: usage.count + 1,
    resources: plus(usage.resources, counted.demand),
    promisedPoolMiB: counted.isDefined ? usage.promisedPoolMiB : changed(usage.promisedPoolMiB, counted.demand, 1),
  };
}

export function usageWithout(usage: Usage, counted: Counted): Usage {
  return {
    count: usage.count - 1,
    resources: minus(usage.resources, counted.demand),
    promisedPoolMiB: counted.isDefined ? usage.promisedPoolMiB : changed(usage.promisedPoolMiB, counted.demand, -1),
  };
}

/** A pool of which nothing is promised any more leaves the map, so that equal usages look equal. */
function changed(promised: ReadonlyMap<string, number>, demand: Demand, sign: 1 | -1): ReadonlyMap<string, number> {
  const next = new Map(promised);
  for (const [pool, sizeMiB] of Object.entries(demand.pools)) {
    const left = (next.get(pool) ?? 0) + sign * sizeMiB;
    if (left === 0) next.delete(pool);
    else next.set(pool, left);
  }
  return next;
}
