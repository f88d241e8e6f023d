import type { HostId, ExcludedHost } from '@drover/contracts';
import { candidateOf, type Candidate } from './candidate.state.js';
import { filterChain, refusingFilter } from './filters/filter-chain.policy.js';
import type { Explanation, Wish } from './filters/host.filter.js';
import type { PlacementState, ScoredHost } from './placement.state.js';
import { scoreOf } from './scorers/scoring.policy.js';

const RUNNERS_UP = 5;
const NEAREST = 20;

export type Selection =
  | { readonly kind: 'selected'; readonly best: ScoredHost; readonly runnersUp: readonly ScoredHost[] }
  | {
      readonly kind: 'none';
      /** Refused hosts per filter. */
      readonly counts: Readonly<Record<string, number>>;
      readonly nearest: readonly ExcludedHost[];
    };

/**
 * Chooses the best host that every filter admits.
 *
 * One pass over all hosts that keeps the few best; why hosts were refused is worked out only when none is left, because
 * explaining a thousand hosts costs far more than choosing among them.
 */
export function selectHost(state: PlacementState, wish: Wish, nowMs: number): Selection {
  const best: ScoredHost[] = [];
  state.fleet.hosts.forEach((host) => {
    const candidate = candidateOf(state, host, nowMs);
    if (refusingFilter(candidate, wish) === undefined) {
      insertBest(best, { hostId: host.hostId, score: scoreOf(candidate, wish) });
    }
  });
  const [first, ...runnersUp] = best;
  return first === undefined
    ? { kind: 'none', ...whyNone(state, wish, nowMs) }
    : { kind: 'selected', best: first, runnersUp };
}

/** What the filters and scorers say of every host. */
export interface Assessment {
  /** Best first. */
  readonly fitting: readonly (ScoredHost & { readonly hostName: string })[];
  /** By host id. */
  readonly refused: readonly ExcludedHost[];
}

export function assessHosts(state: PlacementState, wish: Wish, nowMs: number): Assessment {
  const fitting: (ScoredHost & { readonly hostName: string })[] = [];
  const refused: ExcludedHost[] = [];
  state.fleet.hosts.forEach((host) => {
    const candidate = candidateOf(state, host, nowMs);
    const refusal = refusalOf(candidate, wish);
    if (refusal !== undefined) refused.push(refusal.refusal);
    else fitting.push({ hostId: host.hostId, hostName: host.inventory.name, score: scoreOf(candidate, wish) });
  });
  return { fitting: fitting.sort(byScore), refused: refused.sort(byHostId) };
}

/** Best first. Ties fall back to the host id, so that equal inputs give equal choices on any machine. */
function byScore(a: ScoredHost, b: ScoredHost): number {
  return b.score.total - a.score.total || byHostId(a, b);
}

function byHostId(a: { readonly hostId: HostId }, b: { readonly hostId: HostId }): number {
  return a.hostId < b.hostId ? -1 : a.hostId > b.hostId ? 1 : 0;
}

function insertBest(best: ScoredHost[], host: ScoredHost): void {
  const last = best.at(-1);
  if (best.length > RUNNERS_UP && last !== undefined && byScore(last, host) < 0) return;
  let index = best.length;
  for (let above = best[index - 1]; above !== undefined && byScore(host, above) < 0; above = best[index - 1])
    index -= 1;
  best.splice(index, 0, host);
  if (best.length > RUNNERS_UP + 1) best.pop();
}

interface RankedRefusal {
  readonly refusal: ExcludedHost;
  /** Place of the refusing filter in the chain. */
  readonly filter: number;
  readonly missingPermille: number;
}

function refusalOf(candidate: Candidate, wish: Wish): RankedRefusal | undefined {
  const index = refusingFilter(candidate, wish);
  const filter = index === undefined ? undefined : filterChain[index];
  if (index === undefined || filter === undefined) return undefined;
  const { detail, numbers, missingPermille }: Explanation = filter.explain(candidate, wish);
  return {
    refusal: {
      hostId: candidate.host.hostId,
      hostName: candidate.host.inventory.name,
      filter: filter.name,
      detail,
      numbers: { ...numbers },
    },
    filter: index,
    missingPermille: missingPermille ?? 0,
  };
}

/** The nearest hosts came furthest in the chain, and lack least of what stopped them there. */
function whyNone(
  state: PlacementState,
  wish: Wish,
  nowMs: number,
): Omit<Extract<Selection, { readonly kind: 'none' }>, 'kind'> {
  const counts: Record<string, number> = {};
  const refusals: RankedRefusal[] = [];
  state.fleet.hosts.forEach((host) => {
    const ranked = refusalOf(candidateOf(state, host, nowMs), wish);
    if (ranked === undefined) return;
    refusals.push(ranked);
    counts[ranked.refusal.filter] = (counts[ranked.refusal.filter] ?? 0) + 1;
  });
  refusals.sort(
    (a, b) => b.filter - a.filter || a.missingPermille - b.missingPermille || byHostId(a.refusal, b.refusal),
  );
  return { counts, nearest: refusals.slice(0, NEAREST).map(({ refusal }) => refusal) };
}
