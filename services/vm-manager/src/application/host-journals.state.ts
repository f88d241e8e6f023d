import type { Folded, SavedFolds } from '@drover/aggregate';
import { START, type HostId, type ReportSource, type StoredEvent } from '@drover/contracts';
import { reportOf } from '../domain/settlement/report-ids.policy.js';

/** What is known of one host's journal. */
interface HostJournal {
  readonly epoch?: number;
  /** The newest report that an event follows from. */
  readonly heard?: ReportSource;
}

const KIND = 'host';

/**
 * The current journal epoch of every registered host, and how far its VM reports are known to have come. It follows from streams of
 * three kinds, of hosts, VMs and strays, so it is saved by itself.
 */
export class HostJournals implements SavedFolds {
  readonly aggregate = { kind: KIND, stateVersion: 2 };
  readonly #journals = new Map<HostId, HostJournal>();
  #unsaved = new Set<string>();

  current(hostId: HostId): number | undefined {
    return this.#journals.get(hostId)?.epoch;
  }

  /** An older epoch changes nothing: a snapshot may hold what the store brings again. */
  registered(hostId: HostId, epoch: number): void {
    const known = this.#journals.get(hostId);
    if (known?.epoch === undefined || epoch > known.epoch) this.#put(hostId, { ...known, epoch });
  }

  /** Of every event that follows from a report: many name no source, as the end of an operation. */
  followed({ meta }: Pick<StoredEvent, 'meta'>): void {
    const source = meta.actor.kind === 'host' ? reportOf(meta.causationId ?? '') : undefined;
    if (source === undefined) return;
    const { hostId, journalEpoch, sequence } = source;
    const known = this.#journals.get(hostId);
    const isNewer =
      known?.heard === undefined ||
      journalEpoch > known.heard.journalEpoch ||
      (journalEpoch === known.heard.journalEpoch && sequence > known.heard.sequence);
    if (isNewer) this.#put(hostId, { ...known, heard: source });
  }

  /** 0 where no event follows from a report of this epoch. */
  heardThrough(hostId: HostId, journalEpoch: number): number {
    const heard = this.#journals.get(hostId)?.heard;
    return heard?.journalEpoch === journalEpoch ? heard.sequence : 0;
  }

  has(id: string): boolean {
    return this.#journals.has(id as HostId);
  }

  /** It has no stream of its own, so it stands at no place of one. */
  get(id: string): Folded<unknown> {
    return { state: this.#journals.get(id as HostId), revision: 0, position: START, firstPosition: START };
  }

  restore(id: string, { state }: Folded<unknown>): void {
    this.#journals.set(id as HostId, state as HostJournal);
  }

  followedTo(): void {
    // What it holds is the newest of what it was given, wherever that stood.
  }

  takeUnsaved(): ReadonlySet<string> {
    const unsaved = this.#unsaved;
    this.#unsaved = new Set();
    return unsaved;
  }

  giveBackUnsaved(ids: Iterable<string>): void {
    for (const id of ids) this.#unsaved.add(id);
  }

  #put(hostId: HostId, journal: HostJournal): void {
    this.#journals.set(hostId, journal);
    this.#unsaved.add(hostId);
  }
}
