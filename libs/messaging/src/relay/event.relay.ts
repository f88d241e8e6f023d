import { setTimeout as sleep } from 'node:timers/promises';
import { START, type Position, type StoredEvent, type Subjects } from '@drover/contracts';
import { systemClock, type Clock } from '@drover/domain-kit';
import type { EventStore } from '@drover/event-store';
import { outageOf, type Logger, type Metrics, type Outage } from '@drover/observability';
import { backoffMs } from '../bus/backoff.policy.js';
import { cloudEventOf, eventSubject } from './cloud-event.codec.js';
import {
  eventsStreamName,
  POSITION_HEADER,
  purgeUpTo,
  readCheckpoint,
  type Checkpoint,
} from './events-stream.client.js';
import type { NatsMessaging } from '../bus/nats-messaging.adapter.js';
import { PublishPipeline, type Publication } from './publish-pipeline.client.js';

export interface RelayOptions {
  readonly store: EventStore;
  readonly messaging: NatsMessaging;
  /** Whether this process may publish: `Lease.holds`. A second relay disturbs nothing, but it costs. */
  readonly holds: () => boolean;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock?: Clock;
  /** 7 days by default. */
  readonly maxAgeMs?: number;
  /** 10 GiB by default. */
  readonly maxBytes?: number;
  /** Servers of a NATS cluster that keep each event; 1 by default. */
  readonly replicas?: number;
}

export interface Relay {
  /** The last event known to be in the stream. */
  readonly position: Position;
  /** Stops publishing; another relay goes on where the stream ends. Idempotent. */
  stop(): Promise<void>;
}

const MAX_IN_FLIGHT = 512;
const ACK_WITHIN_MS = 5_000;
/** Events that are made into messages in one turn, some milliseconds of work; the lease is looked at before each. */
const AT_ONCE = 64;
const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * Publishes every stored event to the JetStream stream of events, in the order of the store (safety.md 32).
 *
 * The stream's last message is the checkpoint, read at start, after a reconnect and after any failure; with the expected
 * last sequence on each message, neither a crash nor a second relay loses, repeats or disorders anything. An empty stream
 * is filled with what was recorded within its retention time. So is a stream whose last message is no event of this store,
 * because that was lost, restored or replaced: it is emptied first, being only a copy.
 */
export function runRelay(options: RelayOptions): Relay {
  return new RunningRelay(options);
}

class RunningRelay implements Relay {
  readonly #options: RelayOptions;
  readonly #clock: Clock;
  readonly #maxAgeMs: number;
  readonly #stop = new AbortController();
  readonly #stopped: Promise<void>;
  readonly #ended: Promise<void>;
  /** Positions of what is in flight, by sequence. */
  readonly #inFlight = new Map<number, Position>();
  readonly #outage: Outage;
  #position: Position = START;
  #failures = 0;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#outage = outageOf(options.logger, 'stream of events');
    this.#clock = options.clock ?? systemClock;
    this.#maxAgeMs = options.maxAgeMs ?? 7 * DAY_MS;
    this.#stopped = new Promise((resolve) => {
      this.#stop.signal.addEventListener('abort', () => resolve(), { once: true });
    });
    this.#ended = this.#run();
  }

  get position(): Position {
    return this.#position;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        await this.#follow();
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        this.#outage.failed(error);
      }
      const waitMs = backoffMs({ firstMs: 50, maxMs: 2_000 }, this.#failures, Math.random());
      this.#failures += 1;
      // Rejected only by stop, which the loop looks at next.
      await sleep(waitMs, undefined, { signal: this.#stop.signal }).catch(() => undefined);
    }
  }

  /** Publishes from the stream's end on until something fails or stop is asked for. */
  async #follow(): Promise<void> {
    const { messaging, store, logger } = this.#options;
    this.#requireLeaseAndConnection();
    const { maxBytes = 10 * 1024 ** 3, replicas = 1 } = this.#options;
    const retention = { maxAgeMs: this.#maxAgeMs, maxBytes, replicas };
    const checkpoint = await readCheckpoint(messaging, retention, logger);
    const isOfStore = await this.#isOfStore(checkpoint);
    const { last } = checkpoint;
    this.#position = isOfStore && typeof last === 'object' ? last.position : START;
    if (!isOfStore) {
      this.#requireLeaseAndConnection();
      await purgeUpTo(messaging, checkpoint.lastSequence);
    }
    this.#inFlight.clear();
    const relayed = this.#options.metrics.counter('drover_relayed_events_total');
    const pipeline = new PublishPipeline(messaging.connection, {
      inboxPrefix: messaging.inboxPrefix,
      lastSequence: checkpoint.lastSequence,
      maxInFlight: MAX_IN_FLIGHT,
      ackWithinMs: ACK_WITHIN_MS,
      onAcknowledged: (sequence) => {
        relayed.add(this.#stored(sequence));
        this.#failures = 0;
        this.#outage.ended();
      },
    });
    // What was in flight when the connection broke may be stored or not: the stream says.
    const forget = messaging.onReconnect(() => pipeline.fail('the connection was new'));
    let sequence = checkpoint.lastSequence;
    const publish = async (events: readonly StoredEvent[]) => {
      for (const some of inParts(events.filter((event) => !this.#isTooOld(event)))) {
        this.#requireLeaseAndConnection();
        for (const { position } of some) this.#inFlight.set((sequence += 1), position);
        await pipeline.publish(some.map((event) => publicationOf(messaging.subjects, event)));
      }
    };
    const subscription = store.subscribe(this.#position, publish);
    try {
      await Promise.race([this.#stopped, pipeline.broken, subscription.closed]);
    } finally {
      forget();
      pipeline.close();
      await subscription.stop();
    }
  }

  /** Everything up to this sequence is; gives how many that were not known to be. */
  #stored(upTo: number): number {
    let count = 0;
    for (const [sequence, position] of this.#inFlight) {
      if (sequence > upTo) break;
      this.#position = position;
      this.#inFlight.delete(sequence);
      count += 1;
    }
    return count;
  }

  /** A position alone proves nothing: another history has positions too. */
  async #isOfStore({ last, lastSequence }: Checkpoint): Promise<boolean> {
    if (last === undefined) return true;
    const { store, messaging, logger } = this.#options;
    const stream = eventsStreamName(messaging.subjects.prefix);
    if (last === 'foreign') {
      logger.warn('the stream of events ends with a message that is not of the relay and is filled again', {
        stream,
        sequence: lastSequence,
      });
      return false;
    }
    const [event] = await store.read(last.stream, { fromRevision: last.revision, limit: 1 });
    if (event?.id === last.id && event.position === last.position) return true;
    logger.warn('the stream of events holds another history than the store and is filled again', {
      stream,
      sequence: lastSequence,
      eventId: last.id,
      position: last.position,
      storeHead: await store.head(),
    });
    return false;
  }

  #requireLeaseAndConnection(): void {
    if (!this.#options.holds()) throw new Error('the relay does not hold its lease');
    if (this.#options.messaging.state !== 'connected') throw new Error('the relay has no connection');
  }

  #isTooOld(event: StoredEvent): boolean {
    return Date.parse(event.recordedAt) < this.#clock.epochMs() - this.#maxAgeMs;
  }
}

function publicationOf(subjects: Subjects, event: StoredEvent): Publication {
  return {
    subject: eventSubject(subjects, event),
    payload: JSON.stringify(cloudEventOf(subjects, event)),
    headers: { [POSITION_HEADER]: event.position, 'Content-Type': 'application/cloudevents+json' },
  };
}

function* inParts<Item>(items: readonly Item[]): Generator<readonly Item[]> {
  for (let from = 0; from < items.length; from += AT_ONCE) yield items.slice(from, from + AT_ONCE);
}
