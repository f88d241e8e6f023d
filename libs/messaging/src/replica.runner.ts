import { hostname } from 'node:os';
import { isKnownEvent, START, type StoredEvent } from '@drover/contracts';
import type { EventStore } from '@drover/event-store';
import type { Logger, Metrics } from '@drover/observability';
import type { DroverTransportStrategy } from './drover-transport.strategy.js';
import { respondHealth } from './health.js';
import type { LeaseStore } from './lease-store.port.js';
import { runLease } from './lease.runner.js';
import type { Messaging } from './messaging.port.js';

/** Handlers of this group are heard by the active replica alone. */
export const ACTIVE_GROUP = 'active';

/** What a replica needs of the service it is part of. */
export interface ReplicaContext {
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly health: {
    addCheck(name: string, check: () => { readonly isOk: boolean; readonly detail: string }): void;
    ready(): Promise<unknown>;
  };
  onStop(what: string, close: () => Promise<void>): void;
  fail(error: unknown): void;
}

export interface ReplicaOptions<Event extends StoredEvent> {
  /** Of the service, and of its lease. */
  readonly name: string;
  readonly store: EventStore;
  readonly messaging: Messaging;
  readonly strategy: DroverTransportStrategy;
  readonly leases: LeaseStore;
  readonly leaseTtlMs: number;
  /** What it follows and decides on. */
  readonly streamKinds: readonly string[];
  readonly onEvent: (event: Event) => void;
  /**
   * The lease is held and everything has been folded that the store held when it was won; messages come when this has
   * resolved. `holds` tells whether it still is so.
   */
  readonly onActive: (holds: () => boolean) => Promise<void> | void;
  readonly onPassive?: () => void;
}

export interface Replica {
  /** Whether this is the one active replica, by its own clock: look right before acting. */
  readonly isActive: boolean;
}

/**
 * One of several replicas of a service: follows the store all the time, competes for the lease, and hears the messages of the
 * active group while it holds it and has read to the tail (safety.md 21). An event that this release does not know makes it
 * give up the lease for good, and say so (safety.md 23). Ends with the context.
 */
export function runReplica<Event extends StoredEvent>(
  context: ReplicaContext,
  options: ReplicaOptions<Event>,
): Replica {
  const { logger, metrics, health } = context;
  const { name, store, messaging, strategy, leases, leaseTtlMs, streamKinds } = options;
  let unknownEvent: string | undefined;
  let isServing = false;

  function takeUnknown({ type, schemaVersion, stream }: StoredEvent): void {
    if (unknownEvent !== undefined) return;
    logger.error('an event is not known here; this replica gives up its lease', { type, schemaVersion, stream });
    unknownEvent = `${type} version ${schemaVersion} in ${stream}`;
    void lease.release();
  }

  const feed = store.subscribe(
    START,
    (events) => {
      for (const event of events) {
        if (isKnownEvent(event)) options.onEvent(event as Event);
        else takeUnknown(event);
      }
    },
    { filter: { streamKinds } },
  );
  context.onStop('store feed', () => feed.stop());
  feed.closed.catch((error: unknown) => context.fail(error));

  const lease = runLease(
    { store: leases, key: name, holderId: `${hostname()}/${process.pid}`, ttlMs: leaseTtlMs, logger },
    {
      onAcquired: async () => {
        await feed.caughtUp();
        await options.onActive(() => lease.holds());
        if (!lease.holds()) return;
        isServing = true;
        await strategy.activate(ACTIVE_GROUP);
        logger.info('this replica is the active one');
      },
      onLost: async () => {
        isServing = false;
        options.onPassive?.();
        await strategy.deactivate(ACTIVE_GROUP);
      },
    },
  );
  context.onStop('lease', () => lease.release());

  const isActive = () => isServing && lease.holds();
  health.addCheck('nats', () => ({ isOk: messaging.state === 'connected', detail: messaging.state }));
  health.addCheck('events', () => ({
    isOk: unknownEvent === undefined,
    detail: unknownEvent === undefined ? 'all known' : `not known: ${unknownEvent}`,
  }));
  const healthAnswers = respondHealth(messaging, name, () => health.ready());
  context.onStop('health', () => healthAnswers.stop());
  const figure = `drover_${name.replaceAll('-', '_')}_active`;
  metrics.observe(figure, '1 on the active replica', () => (isActive() ? 1 : 0));
  return {
    get isActive() {
      return isActive();
    },
  };
}
