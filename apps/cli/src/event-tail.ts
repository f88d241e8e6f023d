import { storedEventSchema, type StoredEvent } from '@drover/contracts';
import { isPassing } from './api.client.js';
import { readServerSentEvents } from './server-sent-events.codec.js';

export interface EventTailOptions {
  /** Opens the stream behind a position; without one, from now on. */
  readonly open: (from: string | undefined) => Promise<AsyncIterable<Uint8Array>>;
  readonly pause: (ms: number) => Promise<unknown>;
  /** What a person should know: where it begins, that the connection broke, that it is there again. */
  readonly remark: (text: string) => void;
  readonly signal: AbortSignal;
}

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;

/**
 * Every event behind a position, in order, each once, over as many connections as it takes. The place to come back to is
 * the newest id that the server has told, also when it told no event with it. Ends when it is aborted; fails when the
 * first connection does, or when the API refuses.
 */
export async function* tailEvents(options: EventTailOptions, from?: string): AsyncIterable<StoredEvent> {
  const { open, pause, remark, signal } = options;
  let position = from;
  let state: 'new' | 'connected' | 'broken' = 'new';
  let pauseMs = FIRST_PAUSE_MS;
  while (!signal.aborted) {
    try {
      for await (const { id, data } of readServerSentEvents(await open(position))) {
        position = id ?? position;
        if (state === 'new') remark(`events behind position ${position ?? 'now'}, as they come`);
        if (state === 'broken') remark('connected again');
        state = 'connected';
        pauseMs = FIRST_PAUSE_MS;
        if (data !== undefined) yield storedEventSchema.parse(JSON.parse(data));
      }
    } catch (error) {
      if (signal.aborted) return;
      // Before the first message nothing is known to serve there; afterwards it did and will again.
      if (state === 'new' || !isPassing(error)) throw error;
    }
    if (signal.aborted) return;
    if (state === 'connected') remark('the connection broke; reconnecting');
    if (state !== 'new') state = 'broken';
    await pause(pauseMs);
    pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
  }
}
