import type { LoggerService } from '@nestjs/common';
import type { Logger } from '@drover/observability';

/**
 * Nest's own lines through our logger. What Nest says while it starts is of interest only when something is wrong, so its
 * `log` is our `debug`. Nest keeps one logger for a whole process: of several applications the last one's is used.
 */
export function nestLogger(logger: Logger): LoggerService {
  const fields = (extras: readonly unknown[]) => {
    const context = extras.at(-1);
    return typeof context === 'string' ? { context, extras: extras.slice(0, -1) } : { extras };
  };
  return {
    log: (message: unknown, ...extras: unknown[]) => logger.debug(textOf(message), fields(extras)),
    debug: (message: unknown, ...extras: unknown[]) => logger.debug(textOf(message), fields(extras)),
    verbose: (message: unknown, ...extras: unknown[]) => logger.debug(textOf(message), fields(extras)),
    warn: (message: unknown, ...extras: unknown[]) => logger.warn(textOf(message), fields(extras)),
    error: (message: unknown, ...extras: unknown[]) =>
      logger.error(textOf(message), message instanceof Error ? { error: message, ...fields(extras) } : fields(extras)),
    fatal: (message: unknown, ...extras: unknown[]) => logger.error(textOf(message), fields(extras)),
  };
}

function textOf(message: unknown): string {
  if (typeof message === 'string') return message;
  return message instanceof Error ? message.message : JSON.stringify(message);
}
