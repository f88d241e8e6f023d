import type { Candidate } from '../candidate.state.js';
import type { Wish } from '../filters/host.filter.js';

/**
 * One reason to prefer a host: named integer parts, the higher the better. All parts of all scorers are added up.
 *
 * Integers, because a replay on another machine must choose the same host.
 */
export interface HostScorer {
  readonly parts: (candidate: Candidate, wish: Wish) => Readonly<Record<string, number>>;
}

/** What would be left of an amount after the VM took its share, in per mille of all there is. */
export function leftPermille(free: number, needed: number, capacity: number): number {
  return Math.floor((1000 * (free - needed)) / capacity);
}
