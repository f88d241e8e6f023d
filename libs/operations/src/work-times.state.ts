import type { HostId } from '@drover/contracts';
import type { Clock } from '@drover/domain-kit';
import type { HostHearing } from './host-hearing.state.js';
import { WorkAges } from './work-ages.state.js';
import type { OpenWork, Passed, PassedOnHost } from './work.js';

/** From when on, of the time that its hosts are heard, a round counts. */
interface Round {
  readonly key: string;
  readonly fromMs: Map<HostId, number>;
}

/** What has passed for the open work on each thing: its age, and of that what its hosts were heard in this term. */
export class WorkTimes<Id> {
  readonly #clock: Clock;
  readonly #hearing: HostHearing;
  readonly #ages: WorkAges<Id>;
  readonly #rounds = new Map<Id, Round>();
  /** What of an age is left out, because hosts could not be heard then and have refused the work since. */
  readonly #unheard = new Map<Id, number>();
  #beganAtMs = 0;

  constructor(clock: Clock, hearing: HostHearing) {
    this.#clock = clock;
    this.#hearing = hearing;
    this.#ages = new WorkAges(clock);
  }

  changed(id: Id, before: OpenWork | undefined, after: OpenWork | undefined): void {
    this.#ages.changed(id, after?.since);
    if (after?.since === undefined || after.operationId !== before?.operationId) this.#unheard.delete(id);
    if (after?.since === undefined) this.#rounds.delete(id);
    else if (before !== undefined && before.hostIds.length > 0 && after.hostIds.length === 0) {
      const heard = before.hostIds.flatMap((hostId) => {
        const fromMs = this.#rounds.get(id)?.fromMs.get(hostId);
        return fromMs === undefined ? [] : [this.#hearing.heardMs(hostId) - fromMs];
      });
      if (heard.length > 0) this.#unheard.set(id, this.#ages.ageMs(id) - Math.max(...heard));
    }
  }

  /** A new term; this is the store's time, now that everything has been folded that it held. */
  begin(storeNowMs: number): void {
    this.#ages.level(storeNowMs);
    this.#rounds.clear();
    this.#unheard.clear();
    this.#beganAtMs = this.#clock.monotonicMs();
  }

  /** @param isSeen whether the open operation began in this term, so that its age counts up to when it had its hosts. */
  passed(id: Id, work: OpenWork, isSeen: boolean): Passed {
    const ageMs = this.#ages.ageMs(id);
    const countedMs = this.#countedMs(id, work, ageMs, isSeen);
    return {
      ageMs: work.hostIds.length === 0 ? countedMs : ageMs,
      on: (hostId) => this.#on(id, work, hostId, isSeen ? countedMs : 0),
    };
  }

  #on(id: Id, work: OpenWork, hostId: HostId, beforeMs: number): PassedOnHost {
    const heardMs = this.#hearing.heardMs(hostId);
    let round = this.#rounds.get(id);
    if (round?.key !== work.round) this.#rounds.set(id, (round = { key: work.round, fromMs: new Map() }));
    let fromMs = round.fromMs.get(hostId);
    if (fromMs === undefined) round.fromMs.set(hostId, (fromMs = heardMs - beforeMs));
    const unheardMs = this.#hearing.unheardMs(hostId);
    const isHeard = this.#hearing.isHeard(hostId);
    const unheardSince = isHeard || unheardMs === undefined ? {} : { unheardSince: this.#timeAgo(unheardMs) };
    return { heardMs: heardMs - fromMs, isHeard, ...unheardSince };
  }

  /** How long a term before this could hear the hosts that have refused it is not known: then only this term counts. */
  #countedMs(id: Id, { wasRefused }: OpenWork, ageMs: number, isSeen: boolean): number {
    const unheardMs = this.#unheard.get(id);
    if (unheardMs !== undefined) return Math.max(0, ageMs - unheardMs);
    return isSeen || !wasRefused ? ageMs : Math.min(ageMs, this.#clock.monotonicMs() - this.#beganAtMs);
  }

  #timeAgo(ms: number): string {
    return new Date(this.#clock.epochMs() - ms).toISOString();
  }
}
