import { errors, type ExplainAnswer, type ExplainQuery, type Rejection } from '@drover/contracts';
import { assessHosts } from '../domain/placement/host-selection.policy.js';
import type { Ledger } from './ledger.state.js';

type Explained = ExplainAnswer['candidates'][number];

/**
 * Answers `placement.explain`: what `place` would say of every host now, a page at a time. Holds nothing.
 *
 * Each page is worked out anew, so a host whose place in the order changed in between may show twice or not at all.
 */
export class ExplainPlacementHandler {
  readonly #ledger: Ledger;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  explain(query: ExplainQuery): ExplainAnswer | Rejection {
    const { fitting, refused } = assessHosts(this.#ledger.state, query, this.#ledger.nowMs);
    const all: Explained[] = [
      ...fitting.map((host) => ({ kind: 'fits' as const, ...host })),
      ...refused.map((refusal) => ({ kind: 'refused' as const, ...refusal })),
    ];
    const after = query.afterHostId;
    const start = after === undefined ? 0 : all.findIndex((host) => host.hostId === after) + 1;
    if (after !== undefined && start === 0) {
      return errors.INVALID_FIELD(`there is no host ${after} to go on after`, { field: '/afterHostId' });
    }
    const candidates = all.slice(start, start + query.limit);
    const last = candidates.at(-1);
    const isLastPage = start + candidates.length >= all.length;
    return {
      candidates,
      total: all.length,
      ...(isLastPage || last === undefined ? {} : { nextAfterHostId: last.hostId }),
    };
  }
}
