import { storedEventSchema, type StoredEvent } from '@drover/contracts';
import type { FleetApi } from './fleet-api.client.js';

/** One client of the API's server-sent events that keeps what it was sent. */
export class FleetStream {
  readonly events: StoredEvent[] = [];
  readonly #abort = new AbortController();
  /** Settles when the connection has ended, by whichever side. */
  readonly ended: Promise<void>;

  private constructor(response: Response) {
    this.ended = this.#read(response).catch(() => undefined);
  }

  /** @param after the last event seen; absent: from now on. */
  static async open(api: FleetApi, options: { after?: string; query?: string } = {}): Promise<FleetStream> {
    const { after, query = '' } = options;
    const response = await fetch(`${api.url}/api/v1/events${query}`, {
      headers: {
        authorization: `Bearer ${api.token}`,
        accept: 'text/event-stream',
        ...(after === undefined ? {} : { 'last-event-id': after }),
      },
    });
    if (!response.ok) throw new Error(`no stream: ${response.status} ${await response.text()}`);
    return new FleetStream(response);
  }

  /** Where to go on from. */
  get last(): string | undefined {
    return this.events.at(-1)?.position;
  }

  close(): void {
    this.#abort.abort();
  }

  async #read(response: Response): Promise<void> {
    const body = response.body as ReadableStream<Uint8Array> | null;
    if (body === null) return;
    const decoder = new TextDecoder();
    const reader = body.getReader();
    this.#abort.signal.addEventListener('abort', () => void reader.cancel());
    let rest = '';
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const parts = `${rest}${decoder.decode(value, { stream: true })}`.split('\n\n');
      rest = parts.pop() ?? '';
      for (const part of parts) this.#take(part);
    }
  }

  #take(message: string): void {
    const lines = message.split('\n');
    const field = (name: string) =>
      lines
        .find((line) => line.startsWith(`${name}:`))
        ?.slice(name.length + 1)
        .trim();
    const data = field('data');
    if (data === undefined) return;
    const event = storedEventSchema.parse(JSON.parse(data));
    if (field('id') !== event.position) throw new Error(`event ${event.position} came as ${field('id')}`);
    this.events.push(event);
  }
}
