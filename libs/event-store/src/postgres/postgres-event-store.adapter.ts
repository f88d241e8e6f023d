import { eventUpcasters, upcastWith, type NewEvent, type Position, type Upcaster } from '@drover/contracts';
import type pg from 'pg';
import { systemClock } from '@drover/domain-kit';
import type { DeadLetters } from '../dead-letters.port.js';
import type { EventStore, ExpectedRevision, SubscriptionHandler } from '../event-store.port.js';
import type { FoldSnapshots } from '../fold-snapshots.port.js';
import { checkExpectedRevision, encodeEvents } from '../new-event.codec.js';
import { SeenHistory } from '../seen-history.state.js';
import { rest, subscriptionsOf, type FollowedStore, type FollowOptions } from '../subscription.runner.js';
import { AppendRunner } from './append.runner.js';
import { abandon, connectClient, openPool, untilAnswered } from './database.client.js';
import { EventReader } from './event-reader.js';
import { checkHistory } from './history.client.js';
import { NotificationClient } from './notification.client.js';
import { postgresDeadLetters } from './postgres-dead-letters.adapter.js';
import { postgresFoldSnapshots } from './postgres-fold-snapshots.adapter.js';
import { requireSchema, tablesIn } from './schema.js';
import { Tail } from './tail.runner.js';

export interface PostgresEventStoreOptions {
  /** Straight to the server or through a pooler that keeps sessions; a transaction pooler breaks LISTEN. */
  readonly connectionString: string;
  /** PostgreSQL schema that holds the store; `event_store` by default. */
  readonly schema?: string;
  /** Those of the catalogue by default. */
  readonly upcasters?: readonly Upcaster[];
  /** How long an append, a read or the opening waits for a database that does not answer; 5000 by default. */
  readonly patienceMs?: number;
  /** How often subscriptions look for new events when no hint comes; 250 by default. */
  readonly pollIntervalMs?: number;
  /** Connections for reads, besides one for appends and one for notifications; 3 by default. */
  readonly readConnections?: number;
}

export interface PostgresEventStore extends EventStore {
  readonly deadLetters: DeadLetters;
  readonly foldSnapshots: FoldSnapshots;
}

const defaultPageSize = 500;

/**
 * Opens the store, whose tables `prepareStore` has made; the database's owner makes them here where they are missing. Throws
 * `STORE_UNAVAILABLE` when no database answers in time.
 */
export async function openPostgresEventStore(options: PostgresEventStoreOptions): Promise<PostgresEventStore> {
  const { connectionString, patienceMs = 5_000, pollIntervalMs = 250, readConnections = 3 } = options;
  const tables = tablesIn(options.schema ?? 'event_store');
  await untilAnswered('open the event store', patienceMs, async () => {
    const client = await connectClient(connectionString, () => undefined);
    await requireSchema(client, tables).finally(() => client.end());
  });

  const history = new SeenHistory();
  const checkConnection = (client: pg.ClientBase) => checkHistory(client, tables, history);
  const pool = openPool(connectionString, readConnections, { onConnected: checkConnection });
  const reader = new EventReader(pool, tables, upcastWith(options.upcasters ?? eventUpcasters), history);
  const tail = new Tail((after, limit) => reader.page(after, undefined, limit), pollIntervalMs);
  const notifications = new NotificationClient({
    connectionString,
    channel: tables.channel,
    onHint: (newest) => tail.hint(newest),
  });
  const appends = new AppendRunner({
    connect: async (onLost) => {
      const client = await connectClient(connectionString, onLost);
      await checkConnection(client).catch((error: unknown) => {
        abandon(client);
        throw error;
      });
      return client;
    },
    clock: systemClock,
    history,
    tables,
    appendTimeoutMs: patienceMs,
    onCommitted(newest) {
      tail.hint(newest);
      notifications.tell(newest);
    },
  });
  let closing: Promise<void> | undefined;

  const followed: FollowedStore = {
    head: (signal) => untilAnswered('read the head', Infinity, () => reader.head(), signal),
    async page(after, filter, limit, signal) {
      const cached = tail.page(after, filter, limit);
      if (cached !== undefined) return cached;
      const page = await untilAnswered(
        `read behind ${after}`,
        Infinity,
        () => reader.page(after, filter, limit),
        signal,
      );
      if (page.isEnd) tail.levelAt(page.next);
      return page;
    },
    appended: (after, signal) => tail.appended(after, signal),
    rest,
  };
  const subscriptions = subscriptionsOf(followed);

  function assertOpen(): void {
    if (closing !== undefined) throw new Error('the event store is closed');
  }

  async function close(): Promise<void> {
    await subscriptions.stop();
    tail.close();
    await appends.close();
    await Promise.all([notifications.close(), pool.end()]);
  }

  return {
    deadLetters: postgresDeadLetters(pool, tables, patienceMs),
    foldSnapshots: postgresFoldSnapshots(pool, tables, patienceMs),
    async append(stream: string, expected: ExpectedRevision, events: readonly NewEvent[]) {
      assertOpen();
      checkExpectedRevision(expected);
      return appends.append(stream, expected, encodeEvents(stream, events));
    },
    async read(stream, { fromRevision = 0, limit } = {}) {
      assertOpen();
      return untilAnswered(`read ${stream}`, patienceMs, () => reader.stream(stream, fromRevision, limit));
    },
    async readAll(after, { filter, limit = defaultPageSize } = {}) {
      assertOpen();
      const { events, next, isEnd } = await untilAnswered(`read behind ${after}`, patienceMs, () =>
        reader.page(after, filter, limit),
      );
      return { events, next, isEnd };
    },
    async head() {
      assertOpen();
      return untilAnswered('read the head', patienceMs, () => reader.head());
    },
    async now() {
      assertOpen();
      return untilAnswered('read the time', patienceMs, () => reader.now());
    },
    subscribe(after: Position, handler: SubscriptionHandler, followOptions?: FollowOptions) {
      assertOpen();
      return subscriptions.subscribe(after, handler, followOptions);
    },
    close: () => (closing ??= close()),
  };
}
