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
  readonly promisedPoolMiB: Readonly<Record<string, number>>;
}

export const NO_USAGE: Usage = { count: 0, resources: NO_RESOURCES, promisedPoolMiB: {} };

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

/** A pool of which nothing is promised any more leaves the record, so that equal usages look equal. */
function changed(
  promised: Readonly<Record<string, number>>,
  demand: Demand,
  sign: 1 | -1,
): Readonly<Record<string, number>> {
  const next: Record<string, number> = { ...promised };
  for (const [pool, sizeMiB] of Object.entries(demand.pools)) {
    const left = (next[pool] ?? 0) + sign * sizeMiB;
    if (left === 0) delete next[pool];
    else next[pool] = left;
  }
  return next;
}
