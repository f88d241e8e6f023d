import type { HostScorer } from './host.scorer.js';

/** More than all other parts can add up to. */
const WEIGHT = 10_000;

/** A host that refused a VM knows something that we do not: it comes after all others that fit, for a while. */
export const refusalScorer: HostScorer = {
  parts: ({ hasRefusedLately }) => (hasRefusedLately ? { refusedLately: -WEIGHT } : NOTHING),
};

const NOTHING = {};
