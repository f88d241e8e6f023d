import type { Demand, PlaceQuery } from '@drover/contracts';
import type { Candidate } from '../candidate.state.js';

/** What is asked of a host: room, and properties. */
export interface Wish {
  readonly demand: Demand;
  readonly placement: PlaceQuery['placement'];
}

/** Why a host was refused, for a person. */
export interface Explanation {
  readonly detail: string;
  readonly numbers: Readonly<Record<string, number>>;
  /** How much of the wish is missing, in per mille of it. Absent where the reason is not one of amount. */
  readonly missingPermille?: number;
}

/**
 * One reason to exclude a host.
 *
 * `admits` is asked of every host at every placement and builds nothing; `explain` is asked only of hosts that were
 * refused, and only when somebody wants to know.
 */
export interface HostFilter {
  /** Stands in events and answers; never renamed. */
  readonly name: string;
  readonly admits: (candidate: Candidate, wish: Wish) => boolean;
  readonly explain: (candidate: Candidate, wish: Wish) => Explanation;
}

export function missingPermille(needed: number, free: number): number {
  return Math.ceil((1000 * (needed - free)) / Math.max(1, needed));
}
