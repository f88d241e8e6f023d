import type { EventStream } from './event-stream.js';

/** Event streams being sent, so that a shutdown can end them: by themselves they never do. */
export class OpenStreams {
  readonly #open = new Set<EventStream>();

  get size(): number {
    return this.#open.size;
  }

  async hold(stream: EventStream, running: Promise<void>): Promise<void> {
    this.#open.add(stream);
    await running.finally(() => this.#open.delete(stream));
  }

  endAll(): void {
    for (const stream of this.#open) stream.end();
  }
}
