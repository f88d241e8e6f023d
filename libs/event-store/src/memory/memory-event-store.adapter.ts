import {
  eventUpcasters,
  START,
  type Fault,
  upcastWith,
  type EventId,
  type NewEvent,
  type Position,
  type StoredEvent,
  type Upcaster,
} from '@drover/contracts';
import { systemClock, type Clock } from '@drover/domain-kit';
import type { DeadLetters } from '../dead-letters.port.js';
import { letsThrough } from '../event.filter.js';
import type {
  AppendResult,
  EventFilter,
  EventStore,
  ExpectedRevision,
  ReadAllPage,
  SubscriptionHandler,
} from '../event-store.port.js';
import { checkExpectedRevision, encodeEvents, type EncodedEvent } from '../new-event.codec.js';
import { tailLost } from '../seen-history.state.js';
import { checkWithinHead, fromSequence, toSequence } from '../sequence.codec.js';
import { rest, subscriptionsOf, type FollowedStore, type FollowOptions } from '../subscription.runner.js';
import type { FoldSnapshots } from '../fold-snapshots.port.js';
import { createMemoryDeadLetters } from './memory-dead-letters.adapter.js';
import { createMemoryFoldSnapshots, type MemorySnapshots } from './memory-fold-snapshots.adapter.js';

export interface MemoryEventStoreOptions {
  /** Gives `recordedAt`; the clock of this process by default. */
  readonly clock?: Clock;
  /** Those of the catalogue by default. */
  readonly upcasters?: readonly Upcaster[];
}

export interface MemoryEventStore extends EventStore {
  readonly deadLetters: DeadLetters;
  readonly foldSnapshots: FoldSnapshots;
  /**
   * Loses what stands behind `upTo`, as a database that is restored from an older copy. This store fails from then on; the
   * result is the same store to a process that starts afterwards, with the snapshots of folds that were stored with it.
   */
  restoreOlderCopy(upTo: Position): MemoryEventStore;
}

const defaultPageSize = 500;

/** For specs and simulation: behaves as a durable store does, and forgets everything with the process. */
export function createMemoryEventStore(options: MemoryEventStoreOptions = {}): MemoryEventStore {
  return storeOf([], options, new Map());
}

function storeOf(log: StoredEvent[], options: MemoryEventStoreOptions, snapshots: MemorySnapshots): MemoryEventStore {
  const clock = options.clock ?? systemClock;
  const upcast = upcastWith(options.upcasters ?? eventUpcasters);
  const streams = Map.groupBy(log, ({ stream }) => stream);
  const byId = new Map<string, StoredEvent>(log.map((event) => [event.id, event]));
  const sleepers = new Set<() => void>();
  let recordedAtMs = Date.parse(log.at(-1)?.recordedAt ?? '1970-01-01T00:00:00.000Z');
  let isClosed = false;
  let loss: Fault | undefined;

  function assertOpen(): void {
    if (isClosed) throw new Error('the event store is closed');
    assertWhole();
  }

  function assertWhole(): void {
    if (loss !== undefined) throw loss;
  }

  function appendEncoded(stream: string, expected: ExpectedRevision, encoded: readonly EncodedEvent[]): AppendResult {
    const repeat = findRepeat(stream, encoded);
    if (repeat !== undefined) return repeat;
    const history = streams.get(stream) ?? [];
    const actualRevision = history.length - 1;
    const wanted = expected === 'any' ? actualRevision : expected === 'no-stream' ? -1 : expected;
    if (wanted !== actualRevision) return { kind: 'conflict', actualRevision };
    recordedAtMs = Math.max(recordedAtMs, clock.epochMs());
    for (const event of encoded) store(stream, history, event);
    streams.set(stream, history);
    for (const wake of [...sleepers]) wake();
    return { kind: 'appended', revision: history.length - 1, position: fromSequence(log.length), wasRepeat: false };
  }

  function findRepeat(stream: string, encoded: readonly EncodedEvent[]): AppendResult | undefined {
    const known = encoded.flatMap(({ id }) => byId.get(id) ?? []);
    const last = known.at(-1);
    if (last === undefined) return undefined;
    if (known.length < encoded.length || known.some((event) => event.stream !== stream)) {
      throw new Error(`some events of this append to ${stream} are stored already, others are not or stand elsewhere`);
    }
    return { kind: 'appended', revision: last.revision, position: last.position, wasRepeat: true };
  }

  function store(stream: string, history: StoredEvent[], event: EncodedEvent): void {
    const stored = upcast({
      id: event.id as StoredEvent['id'],
      stream,
      revision: history.length,
      position: fromSequence(log.length + 1),
      recordedAt: new Date(recordedAtMs).toISOString(),
      type: event.type,
      schemaVersion: event.schemaVersion,
      data: JSON.parse(event.data) as unknown,
      meta: JSON.parse(event.meta) as StoredEvent['meta'],
    });
    history.push(stored);
    log.push(stored);
    byId.set(stored.id, stored);
  }

  function page(after: Position, filter: EventFilter | undefined, limit: number): ReadAllPage {
    const events: StoredEvent[] = [];
    let next = toSequence(after);
    checkWithinHead(next, log.length);
    for (; next < log.length && events.length < limit; next += 1) {
      const event = log[next];
      if (event !== undefined && letsThrough(filter, event)) events.push(event);
    }
    return { events, next: fromSequence(next), isEnd: next >= log.length };
  }

  function eventIdAt(position: Position): EventId | undefined {
    const sequence = toSequence(position);
    checkWithinHead(sequence, log.length);
    return log[sequence - 1]?.id;
  }

  const head = () => (log.length === 0 ? START : fromSequence(log.length));
  const followed: FollowedStore = {
    head: async () => {
      assertWhole();
      return head();
    },
    page: async (after, filter, limit) => {
      assertWhole();
      return page(after, filter, limit);
    },
    appended: (after, signal) =>
      new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason as Error);
        if (loss !== undefined || toSequence(after) < log.length) return resolve();
        const wake = () => {
          sleepers.delete(wake);
          signal.removeEventListener('abort', wake);
          if (signal.aborted) reject(signal.reason as Error);
          else resolve();
        };
        sleepers.add(wake);
        signal.addEventListener('abort', wake);
      }),
    rest,
  };
  const subscriptions = subscriptionsOf(followed);

  return {
    deadLetters: createMemoryDeadLetters(clock),
    foldSnapshots: createMemoryFoldSnapshots(eventIdAt, snapshots),
    async append(stream: string, expected: ExpectedRevision, events: readonly NewEvent[]) {
      assertOpen();
      checkExpectedRevision(expected);
      return appendEncoded(stream, expected, encodeEvents(stream, events));
    },
    async read(stream, { fromRevision = 0, limit } = {}) {
      assertOpen();
      return (streams.get(stream) ?? []).slice(fromRevision, limit === undefined ? undefined : fromRevision + limit);
    },
    async readAll(after, { filter, limit = defaultPageSize } = {}) {
      assertOpen();
      return page(after, filter, limit);
    },
    async head() {
      assertOpen();
      return head();
    },
    async now() {
      assertOpen();
      return Math.max(recordedAtMs, clock.epochMs());
    },
    subscribe(after: Position, handler: SubscriptionHandler, followOptions?: FollowOptions) {
      assertOpen();
      return subscriptions.subscribe(after, handler, followOptions);
    },
    restoreOlderCopy(upTo) {
      assertOpen();
      const kept = log.slice(0, toSequence(upTo));
      loss = tailLost(log.length, kept.length);
      for (const wake of [...sleepers]) wake();
      return storeOf(kept, options, snapshots);
    },
    async close() {
      isClosed = true;
      await subscriptions.stop();
    },
  };
}
