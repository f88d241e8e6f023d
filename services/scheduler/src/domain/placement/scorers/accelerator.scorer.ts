import type { HostScorer } from './host.scorer.js';

/** More than all other parts can add up to. */
const WEIGHT = 5000;

/** An emulated guest is some ten times slower: even a nearly full host with KVM is better than an empty one without. */
export const acceleratorScorer: HostScorer = {
  parts: ({ host }) => ({ accelerator: host.inventory.accelerator === 'tcg' ? 0 : WEIGHT }),
};
