import type { ServerResponse } from 'node:http';
import { streamSubjectId, type EventsQuery, type Position, type StoredEvent } from '@drover/contracts';
import type { EventFilter, EventStore } from '@drover/event-store';
import type { Logger } from '@drover/observability';

/** Events taken from the store at once: with the largest event, what a client that does not read can hold in memory. */
const BATCH = 32;

export interface EventStreamOptions {
  readonly store: EventStore;
  readonly logger: Logger;
  readonly heartbeatMs?: number;
  /** A client that takes nothing for this long is cut off; it comes back to where it was. */
  readonly stallMs?: number;
}

/**
 * One client's server-sent events: everything behind its position that its filters let through, in order, none twice.
 *
 * The next batch is read when the client has taken the last one, so a slow client waits in the store and not in memory. The
 * id of each message is a position: a client that reconnects with `Last-Event-ID` misses nothing.
 */
export class EventStream {
  readonly #options: EventStreamOptions;
  readonly #response: ServerResponse;

  constructor(options: EventStreamOptions, response: ServerResponse) {
    this.#options = options;
    this.#response = response;
  }

  /** Sends until the client goes away, the store fails or `end` is called. Never rejects. */
  async run(after: Position, query: EventsQuery): Promise<void> {
    const { store, logger, heartbeatMs = 15_000 } = this.#options;
    const response = this.#response;
    const heartbeat = setInterval(() => {
      if (!response.writableNeedDrain) response.write(':\n\n');
    }, heartbeatMs);
    // Where it begins, so that a client whose connection breaks before anything happened comes back to here.
    response.write(`retry: 1000\nid: ${after}\n\n`);
    const subscription = store.subscribe(after, (events, upTo) => this.#send(events, upTo, query), {
      filter: storeFilter(query),
      batchSize: BATCH,
    });
    response.once('close', () => void subscription.stop());
    try {
      await subscription.closed;
    } catch (error) {
      if (!response.destroyed) logger.warn('an event stream ends early; its client will come back', { error });
    } finally {
      clearInterval(heartbeat);
      response.end();
    }
  }

  end(): void {
    this.#response.end();
    this.#response.destroy();
  }

  async #send(events: readonly StoredEvent[], upTo: Position, query: EventsQuery): Promise<void> {
    for (const event of events) {
      if (!letsThrough(query, event)) continue;
      await this.#write(`id: ${event.position}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
    }
    // No message of its own, but the place to come back to: what was filtered out is not read again.
    await this.#write(`id: ${upTo}\n\n`);
  }

  async #write(text: string): Promise<void> {
    const response = this.#response;
    if (response.destroyed || response.writableEnded) throw new Error('the client has gone');
    if (response.write(text)) return;
    await new Promise<void>((resolve, reject) => {
      const stalled = setTimeout(() => response.destroy(), this.#options.stallMs ?? 60_000);
      const settle = (): void => {
        clearTimeout(stalled);
        response.off('drain', settle).off('close', settle);
        if (response.destroyed) reject(new Error('the client has gone'));
        else resolve();
      };
      response.on('drain', settle).on('close', settle);
    });
  }
}

/** What the store itself can leave out. */
export function storeFilter(query: EventsQuery): EventFilter {
  return {
    ...(query.types === undefined ? {} : { types: query.types }),
    ...(query.kinds === undefined ? {} : { streamKinds: query.kinds }),
  };
}

/** What it cannot. */
export function letsThrough(query: EventsQuery, event: StoredEvent): boolean {
  const { project, vm, host } = query;
  if (project !== undefined && event.meta.projectId !== project) return false;
  if (vm !== undefined && event.stream !== `vm-${vm}`) return false;
  return host === undefined || streamSubjectId(event.stream) === host || hostIdIn(event.data) === host;
}

function hostIdIn(data: unknown): unknown {
  return typeof data === 'object' && data !== null && 'hostId' in data ? data.hostId : undefined;
}
