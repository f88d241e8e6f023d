import type { Score } from '@drover/contracts';
import type { Candidate } from '../candidate.state.js';
import type { Wish } from '../filters/host.filter.js';
import { acceleratorScorer } from './accelerator.scorer.js';
import type { HostScorer } from './host.scorer.js';
import { packScorer } from './pack.scorer.js';
import { refusalScorer } from './refusal.scorer.js';
import { spreadScorer } from './spread.scorer.js';

const scorers: Readonly<Record<Wish['placement']['policy'], readonly HostScorer[]>> = {
  spread: [acceleratorScorer, spreadScorer, refusalScorer],
  pack: [acceleratorScorer, packScorer, refusalScorer],
};

/** Of a host that every filter admits. */
export function scoreOf(candidate: Candidate, wish: Wish): Score {
  const parts: Record<string, number> = {};
  let total = 0;
  for (const scorer of scorers[wish.placement.policy]) {
    const given = scorer.parts(candidate, wish);
    for (const part in given) {
      const points = given[part] ?? 0;
      parts[part] = points;
      total += points;
    }
  }
  return { total, parts };
}
