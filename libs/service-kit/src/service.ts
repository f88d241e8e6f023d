import type { Logger, Metrics } from '@drover/observability';
import { createHealth, type Health } from './health.js';

/** What a service is given while it starts. Everything it opens, it registers to be closed. */
export interface ServiceContext {
  readonly name: string;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly health: Health;
  /** Aborted when the service is to stop, also while it still starts. */
  readonly signal: AbortSignal;
  /** Closed in reverse order, each after the one before it has closed. */
  onStop(what: string, close: () => Promise<void> | void): void;
  /** The service cannot go on: it is stopped, and its process ends with an error. */
  fail(error: unknown): void;
}

/** Opens a service; resolves when it works. The same in a process of its own and together with others in one. */
export interface ServiceDefinition {
  readonly name: string;
  start(context: ServiceContext): Promise<void>;
}

export interface RunningService {
  readonly name: string;
  readonly health: Health;
  /** Settles when the service has stopped: rejected with what `fail` was given. */
  readonly ended: Promise<void>;
  /** Idempotent. Rejects when something could not be closed or took longer than the deadline; the rest is closed still. */
  stop(): Promise<void>;
}

export interface StartOptions {
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** For closing all that a service opened. */
  readonly stopWithinMs?: number;
  /** Ends a start that is still under way; a service that has started is stopped by `stop`. */
  readonly signal?: AbortSignal;
}

/** Starts a service; when that fails, what it opened is closed again and the failure thrown. */
export async function startService(definition: ServiceDefinition, options: StartOptions): Promise<RunningService> {
  const { name } = definition;
  const { logger, metrics } = options;
  const stopWithinMs = options.stopWithinMs ?? 10_000;
  const health = createHealth(name);
  const abort = new AbortController();
  const closers: { readonly what: string; readonly close: () => Promise<void> | void }[] = [];
  const ended = Promise.withResolvers<void>();
  // Callers that wait for `ended` get the error; a process whose caller does not wait must not end by it.
  ended.promise.catch(() => undefined);
  let stopping: Promise<void> | undefined;

  async function closeAll(): Promise<void> {
    abort.abort();
    const failures: unknown[] = [];
    const deadline = performance.now() + stopWithinMs;
    for (let closer = closers.pop(); closer !== undefined; closer = closers.pop()) {
      const { what, close } = closer;
      try {
        await within(Math.max(1, deadline - performance.now()), what, close);
      } catch (error) {
        logger.error('a part of the service could not be closed', { part: what, error });
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, `${name} did not stop cleanly`);
  }

  const stop = (): Promise<void> => {
    stopping ??= closeAll().then(
      () => {
        logger.info('stopped');
        ended.resolve();
      },
      (error: unknown) => {
        ended.reject(error);
        throw error;
      },
    );
    return stopping;
  };

  const context: ServiceContext = {
    name,
    logger,
    metrics,
    health,
    signal: abort.signal,
    onStop: (what, close) => void closers.push({ what, close }),
    fail: (error) => {
      logger.error('the service cannot go on', { error });
      health.fail(error instanceof Error ? error.message : String(error));
      ended.reject(error);
      // Closed for the sake of leases and connections; the process ends with the failure above whatever comes of it.
      stop().catch(() => undefined);
    },
  };
  const giveUp = () => abort.abort(options.signal?.reason);
  options.signal?.addEventListener('abort', giveUp, { once: true });
  try {
    await definition.start(context);
  } catch (error) {
    await closeAll().catch((failure: unknown) => logger.error('could not close what was opened', { error: failure }));
    throw error;
  } finally {
    options.signal?.removeEventListener('abort', giveUp);
  }
  logger.info('started');
  return { name, health, ended: ended.promise, stop };
}

async function within(ms: number, what: string, action: () => Promise<void> | void): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`closing ${what} took longer than allowed`)), ms);
  try {
    await Promise.race([(async () => action())(), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
