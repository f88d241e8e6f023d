import { hostname } from 'node:os';
import { isKnownEvent, kindOfStream, START, type Position, type StoredEvent } from '@drover/contracts';
import { systemClock } from '@drover/domain-kit';
import type { EventStore, LeaseStore } from '@drover/event-store';
import { ACTIVE_GROUP, respondHealth, type DroverTransportStrategy, type Messaging } from '@drover/messaging';
import { runLease, type Lease } from '../lease/lease.runner.js';
import type { ServiceContext } from '../service.js';

/** How many times to live of its lease a replica goes on without an answer of the store. */
const STORE_PATIENCE_TTLS = 3;

export interface ReplicaOptions<Event extends StoredEvent> {
  /** Of the service, and of its lease. */
  readonly name: string;
  readonly store: EventStore;
  readonly messaging: Messaging;
  readonly strategy: DroverTransportStrategy;
  readonly leases: LeaseStore;
  readonly leaseTtlMs: number;
  /** Where to follow the store from; everything before is folded already. `START` by default. */
  readonly from?: Position;
  /** What it follows. */
  readonly streamKinds: readonly string[];
  /** Which of them it decides on: all by default. What is not known in the others is passed over. */
  readonly decidesOn?: readonly string[];
  readonly onEvent: (event: Event) => void;
  /**
   * The lease is held and everything has been folded that the store held when it was won; messages come when this has
   * resolved. `holds` tells whether it still is so, in this term. What it throws fails the service.
   */
  readonly onActive: (holds: () => boolean) => Promise<void> | void;
  /** At once when the lease is gone or given up, also while `onActive` has yet to be called or to resolve. */
  readonly onPassive?: () => void;
}

export interface Replica {
  /** Whether this is the one active replica, by its own clock: look right before acting. */
  readonly isActive: boolean;
  /** Up to where it has followed the store. */
  readonly position: Position;
}

/**
 * One of several replicas of a service: follows the store all the time, competes for the lease once it is level with it and while the
 * store answers, and hears the messages of the active group while it holds it and has read to the tail (safety.md 21). An event that this release does not know, in a
 * stream it decides on, makes it give up the lease for good, and say so (safety.md 23). Ends with the context.
 */
export function runReplica<Event extends StoredEvent>(
  context: Pick<ServiceContext, 'logger' | 'metrics' | 'health' | 'onStop' | 'fail'>,
  options: ReplicaOptions<Event>,
): Replica {
  const { logger, metrics, health } = context;
  const { name, store, messaging, strategy, leases, leaseTtlMs, streamKinds, from = START } = options;
  const decidesOn = new Set(options.decidesOn ?? streamKinds);
  /** Streams that hold something unknown; what follows there cannot be folded. */
  const unreadable = new Set<string>();
  let unknownEvent: string | undefined;
  let isServing = false;
  let isLeaving = false;
  const leaving = Promise.withResolvers<void>();
  /** Absent before this replica has once been level with the store. */
  let lease: Lease | undefined;
  /** Absent while the lease is not held. */
  let endTerm: (() => void) | undefined;
  /** Opening and closing for messages, one after the other. */
  let turns: Promise<void> = Promise.resolve();

  function inTurn(action: () => Promise<void>): void {
    turns = turns.then(action).catch((error: unknown) => {
      logger.error('changing between active and standby failed', { error });
    });
  }

  function won(): void {
    if (isLeaving) return;
    const over = Promise.withResolvers<void>();
    let isOver = false;
    endTerm = () => {
      isOver = true;
      over.resolve();
    };
    const holds = () => !isOver && lease?.holds() === true;
    inTurn(async () => {
      // A store that does not answer must not keep a term open that has ended.
      await Promise.race([feed.caughtUp(), over.promise]);
      if (!holds()) return;
      try {
        await options.onActive(holds);
      } catch (error) {
        // It would hold the lease and serve no client; another replica takes it when this one has ended.
        context.fail(error);
        return;
      }
      if (!holds()) return;
      isServing = true;
      await strategy.activate(ACTIVE_GROUP);
      logger.info('this replica is the active one');
    });
  }

  /** Acts no more from here on; resolves when what was taken has been answered. */
  function lost(): Promise<void> {
    if (endTerm !== undefined) {
      isServing = false;
      endTerm();
      endTerm = undefined;
      options.onPassive?.();
      inTurn(() => strategy.deactivate(ACTIVE_GROUP));
    }
    return turns;
  }

  async function leave(): Promise<void> {
    isLeaving = true;
    leaving.resolve();
    await lost();
    await lease?.release();
  }

  /**
   * Competes while this replica could serve: from when it has once been level with the store, which a cold one has not and a warm one
   * has, until the store has been silent for long; and again when it is level once more.
   */
  async function compete(): Promise<void> {
    const holderId = `${hostname()}/${process.pid}`;
    const hindrance = () => (messaging.state === 'connected' ? undefined : 'there is no connection to NATS');
    while (!isLeaving) {
      await Promise.race([feed.caughtUp(), leaving.promise]);
      if (isLeaving) return;
      lease = runLease(
        { store: leases, key: name, holderId, ttlMs: leaseTtlMs, hindrance, logger },
        { onAcquired: won, onLost: lost },
      );
      await untilSilent();
      if (isLeaving) return;
      logger.warn('the event store does not answer; this replica gives up its lease until it does', { lease: name });
      await lost();
      await lease.release();
    }
  }

  /** Resolves when the store has not answered for some lease times. */
  async function untilSilent(): Promise<void> {
    let answeredAtMs = systemClock.monotonicMs();
    while (!isLeaving && systemClock.monotonicMs() - answeredAtMs <= STORE_PATIENCE_TTLS * leaseTtlMs) {
      const askedAtMs = systemClock.monotonicMs();
      const answered = store.head().then(
        () => void (answeredAtMs = askedAtMs),
        // How long it has been so is what counts; who needed it has told the log.
        () => undefined,
      );
      await Promise.race([Promise.all([answered, pause(leaseTtlMs)]), pause(2 * leaseTtlMs), leaving.promise]);
    }
  }

  function take(event: StoredEvent): void {
    if (unreadable.has(event.stream)) return;
    if (isKnownEvent(event)) options.onEvent(event as Event);
    else if (decidesOn.has(kindOfStream(event.stream))) takeUnknown(event);
  }

  function takeUnknown({ type, schemaVersion, stream }: StoredEvent): void {
    unreadable.add(stream);
    if (unknownEvent !== undefined) return;
    logger.error('an event is not known here; this replica gives up its lease', { type, schemaVersion, stream });
    unknownEvent = `${type} version ${schemaVersion} in ${stream}`;
    void leave();
  }

  let position = from;
  const follow = (events: readonly StoredEvent[], upTo: Position) => {
    events.forEach(take);
    position = upTo;
  };
  const feed = store.subscribe(from, follow, { filter: { streamKinds } });
  context.onStop('store feed', () => feed.stop());
  feed.closed.catch((error: unknown) => {
    // What is folded may be wrong, or ahead of a store that has lost its tail: nothing is decided on it any more.
    void leave();
    context.fail(error);
  });

  compete().catch((error: unknown) => {
    // A feed that has ended tells why itself.
    if (!isLeaving) context.fail(error);
  });
  context.onStop('lease', leave);

  const isActive = () => isServing && lease?.holds() === true;
  health.addCheck('nats', () => ({ isOk: messaging.state === 'connected', detail: messaging.state }));
  health.addCheck('events', () => ({
    isOk: unknownEvent === undefined,
    detail: unknownEvent === undefined ? 'all known' : `not known: ${unknownEvent}`,
  }));
  const healthAnswers = respondHealth(messaging, name, () => health.ready());
  context.onStop('health', () => healthAnswers.stop());
  metrics.observe('drover_active', () => (isActive() ? 1 : 0), { service: name });
  return {
    get isActive() {
      return isActive();
    },
    get position() {
      return position;
    },
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms).unref());
}
