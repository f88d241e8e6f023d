import {
  createLogger,
  createMetrics,
  watchEventLoopDelay,
  watchProcess,
  type Logger,
  type LogThreshold,
} from '@drover/observability';
import { ConfigError } from './config.js';
import { observabilitySchema, type ObservabilityConfig } from './observability-config.schema.js';
import { serveOperations, type OperationsEndpoint } from './operations-endpoint.js';
import { startService, type RunningService, type ServiceDefinition } from './service.js';

export interface ProcessOptions {
  /** By default the level `info`, and no port. */
  readonly observability?: ObservabilityConfig;
  readonly stopWithinMs?: number;
  /** Called when every service works, e.g. to tell a launcher. */
  readonly onStarted?: (services: readonly RunningService[]) => void;
}

export const exitCodes = { ok: 0, failed: 1, badConfig: 78 } as const;

/**
 * A whole process: one service, or several that share it. Ends by SIGTERM or SIGINT, in reverse order of start, with 0;
 * by a failure with 1; by a configuration that is not usable with 78 (EX_CONFIG). A second signal ends it at once. SIGUSR2
 * switches its log to `debug` and back.
 *
 * An unhandled rejection or exception is a defect after which nothing can be trusted: it is logged and the process ends
 * at once, as after a crash, which every service must bear anyway.
 */
export async function runProcess(
  definitions: readonly ServiceDefinition[],
  options: ProcessOptions = {},
): Promise<never> {
  const metrics = createMetrics();
  watchProcess(metrics);
  watchEventLoopDelay(metrics);
  const observability = options.observability ?? observabilitySchema.parse({});
  const threshold: LogThreshold = { level: observability.logLevel };
  const name = definitions.length === 1 ? (definitions[0]?.name ?? 'drover') : 'drover';
  const logger = createLogger(name, { threshold });
  switchLogOnSignal(logger, threshold);
  const crash = (message: string) => (error: unknown) => {
    logger.error(message, { error });
    process.exit(exitCodes.failed);
  };
  process.on('unhandledRejection', crash('unhandled rejection'));
  process.on('uncaughtException', crash('uncaught exception'));

  const asked = Promise.withResolvers<NodeJS.Signals>();
  const starting = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    let count = 0;
    process.on(signal, () => {
      count += 1;
      if (count > 1) process.exit(exitCodes.failed);
      starting.abort();
      asked.resolve(signal);
    });
  }

  const running: RunningService[] = [];
  let endpoint: OperationsEndpoint | undefined;
  let code: number = exitCodes.ok;
  try {
    const { host } = observability.metrics;
    const ports: Readonly<Record<string, number | undefined>> = observability.metrics.ports;
    const port = ports[name];
    if (port !== undefined) {
      endpoint = await serveOperations({ host, port, metrics, health: () => running.map(({ health }) => health) });
      logger.info('serving metrics', { host, port: endpoint.port });
    }
    for (const definition of definitions) {
      const start = startService(definition, {
        logger: createLogger(definition.name, { threshold }),
        metrics,
        signal: starting.signal,
        ...(options.stopWithinMs === undefined ? {} : { stopWithinMs: options.stopWithinMs }),
      });
      running.push(await start);
    }
    options.onStarted?.(running);
    await Promise.race([asked.promise, ...running.map((service) => service.ended)]);
  } catch (error) {
    // A start that was ended on request fails with whatever it was waiting for.
    if (!starting.signal.aborted) {
      code = error instanceof ConfigError ? exitCodes.badConfig : exitCodes.failed;
      report(logger, error);
    }
  }
  for (const service of running.reverse()) {
    await service.stop().catch(() => {
      // Logged part by part where it happened.
      code = exitCodes.failed;
    });
  }
  await endpoint?.close();
  process.exit(code);
}

/** Finding out what goes on needs no restart, which might end it. */
function switchLogOnSignal(logger: Logger, threshold: LogThreshold): void {
  const configured = threshold.level;
  process.on('SIGUSR2', () => {
    threshold.level = threshold.level === 'debug' ? configured : 'debug';
    logger.warn('the log level changed', { logLevel: threshold.level });
  });
}

/** `main.ts` of a service that has its own process. */
export function runService(definition: ServiceDefinition, options: ProcessOptions = {}): Promise<never> {
  return runProcess([definition], options);
}

function report(logger: Logger, error: unknown): void {
  if (error instanceof ConfigError) logger.error(error.message);
  else logger.error('ends because of a failure', { error });
}
