import type { ErrorReport } from '@drover/contracts';
import type { Logger } from '@drover/observability';
import { AgentDismissed } from './session.process.js';
import { AgentStopped } from './stopping.js';

/** Longest wait for a call to the hypervisor that is under way when the agent stops. */
const STOP_PATIENCE_MS = 5_000;

/** The parts of one agent that run, and their end: all stop together, by the agent's owner or by the first part that cannot go on. */
export class AgentLife {
  /** Told to the control plane at the end: an agent that takes this one's place need not wait for our silence. */
  farewell: (() => Promise<unknown>) | undefined;
  readonly #logger: Logger;
  readonly #controller = new AbortController();
  readonly #ended = Promise.withResolvers<ErrorReport | undefined>();
  readonly #running = new Set<Promise<void>>();
  readonly #cleanups: (() => Promise<void> | void)[] = [];
  #ending: Promise<void> | undefined;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Aborted as soon as the end begins. */
  get stop(): AbortSignal {
    return this.#controller.signal;
  }

  /** Settles at the end: with the reason where the control plane has no place for the agent, or a part met a defect. */
  get ended(): Promise<ErrorReport | undefined> {
    return this.#ended.promise;
  }

  run(part: Promise<unknown>): void {
    const watched: Promise<void> = part
      .then(
        () => undefined,
        (error: unknown) => this.#endOn(error),
      )
      .finally(() => this.#running.delete(watched));
    this.#running.add(watched);
  }

  /** Done at the end, in the order in which it was asked for. */
  atEnd(...cleanups: readonly (() => Promise<void> | void)[]): void {
    this.#cleanups.push(...cleanups);
  }

  end(reason?: ErrorReport): Promise<void> {
    this.#ending ??= this.#end(reason);
    return this.#ending;
  }

  #endOn(error: unknown): void {
    if (error instanceof AgentStopped) return;
    const rejection = error instanceof AgentDismissed ? error.rejection : undefined;
    if (rejection === undefined) this.#logger.error('the agent met a defect and stops', { error });
    else this.#logger.error('the control plane has no place for this agent; it stops', { error });
    void this.end(rejection ?? { code: 'INTERNAL', detail: 'The node agent met a defect; its log has the details.' });
  }

  async #end(reason: ErrorReport | undefined): Promise<void> {
    this.#controller.abort();
    for (const cleanup of this.#cleanups.splice(0)) {
      try {
        await cleanup();
      } catch (error) {
        // The others must be closed nevertheless, and the caller that waits for the end must get the error.
        this.#logger.error('a part of the agent did not stop as it should', { error });
      }
    }
    await settledWithin(Promise.all(this.#running));
    await this.farewell?.().catch((error: unknown) => {
      // Without it, the next agent waits until this one's silence is proven.
      this.#logger.info('could not tell the control plane that this agent has stopped', { error });
    });
    this.#ended.resolve(reason);
  }
}

/** Waits for work that is under way, but not for ever. */
export async function settledWithin(work: Promise<unknown>): Promise<void> {
  const patience = Promise.withResolvers<void>();
  const timer = setTimeout(patience.resolve, STOP_PATIENCE_MS);
  await Promise.race([work, patience.promise]);
  clearTimeout(timer);
}
