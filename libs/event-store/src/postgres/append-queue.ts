import type { AppendResult, ExpectedRevision } from '../event-store.port.js';
import type { EncodedEvent } from '../new-event.codec.js';

export interface WaitingAppend {
  readonly stream: string;
  readonly expected: ExpectedRevision;
  readonly events: readonly EncodedEvent[];
  /** By the monotonic clock: it is made before, or not at all. */
  readonly deadlineMs: number;
  readonly resolve: (result: AppendResult) => void;
  readonly reject: (error: unknown) => void;
  /** An attempt ended without an answer, so these events may stand in the store. */
  isUncertain: boolean;
}

// Bound what one transaction holds the lock for and what is encoded in one turn of the event loop.
const largestGroupEvents = 2_000;
const largestGroupCharacters = 1024 * 1024;
const mostSuspects = 1_000;

/**
 * The appends that wait for a transaction, in the order of their calls within each stream.
 *
 * A stream of which the database refused an append is suspect until one of its appends goes through: its appends go alone,
 * in turn with the groups of all others, so that a writer who keeps sending what is refused delays no other writer's.
 */
export class AppendQueue {
  private usual: WaitingAppend[] = [];
  private readonly apart: WaitingAppend[] = [];
  private readonly suspects = new Set<string>();
  private isTurnOfSuspect = false;

  push(append: WaitingAppend): void {
    (this.suspects.has(append.stream) ? this.apart : this.usual).push(append);
  }

  /** What goes into the next transaction together; empty when nothing waits. */
  take(): readonly WaitingAppend[] {
    this.isTurnOfSuspect = this.apart.length > 0 && (!this.isTurnOfSuspect || this.usual.length === 0);
    return this.isTurnOfSuspect ? this.apart.splice(0, 1) : this.usual.splice(0, groupLength(this.usual));
  }

  refused(stream: string): void {
    if (this.suspects.has(stream)) return;
    const isIdle = (suspect: string) => !this.apart.some((append) => append.stream === suspect);
    const oldest = this.suspects.size < mostSuspects ? undefined : [...this.suspects].find(isIdle);
    if (oldest !== undefined) this.suspects.delete(oldest);
    this.suspects.add(stream);
    this.apart.push(...this.usual.filter((append) => append.stream === stream));
    this.usual = this.usual.filter((append) => append.stream !== stream);
  }

  wentThrough(stream: string): void {
    if (!this.suspects.has(stream) || this.apart.some((append) => append.stream === stream)) return;
    this.suspects.delete(stream);
  }
}

/** How many of the waiting appends go together. The same event twice in one transaction would be no repeat but a clash. */
function groupLength(waiting: readonly WaitingAppend[]): number {
  const ids = new Set<string>();
  let characters = 0;
  for (const [index, { events }] of waiting.entries()) {
    if (events.some(({ id }) => ids.has(id))) return index;
    for (const { id, data, meta } of events) {
      ids.add(id);
      characters += data.length + meta.length;
    }
    if (ids.size >= largestGroupEvents || characters >= largestGroupCharacters) return index + 1;
  }
  return waiting.length;
}
