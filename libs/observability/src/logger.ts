import { pino, type DestinationStream, type Logger as Pino } from 'pino';
import { currentFields } from './context.js';
import { redact } from './redaction.js';
import { currentTraceId } from './tracing.js';

export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

export type LogFields = Readonly<Record<string, unknown>>;

/** Structured log lines. The message is a fixed sentence; what varies stands in the fields. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  /** Something was put right or will be tried again. */
  warn(message: string, fields?: LogFields): void;
  /** A person should look. Pass the cause as `error`. */
  error(message: string, fields?: LogFields): void;
  /** A logger that adds these fields to each line. */
  with(fields: LogFields): Logger;
}

/** The lowest level that is written. Loggers that share one change together, at once. */
export interface LogThreshold {
  level: LogLevel;
}

export interface LoggerOptions {
  /** `info` by default. */
  readonly threshold?: LogThreshold;
  /** Standard output by default. Lines are written at once, so that the last one before a crash is there. */
  readonly destination?: DestinationStream;
}

/**
 * One JSON object a line: `time` (ISO 8601 UTC), `level`, `service`, `message`, the fields, and from the context
 * `operationId`, `messageId`, `requestId`, `traceId`. Secrets are redacted by name.
 */
export function createLogger(service: string, options: LoggerOptions = {}): Logger {
  const root = pino(
    {
      // The threshold decides; a logger of pino would hand its own level on to its children and never look again.
      level: logLevels[0],
      base: { service },
      messageKey: 'message',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      mixin: contextFields,
    },
    options.destination ?? pino.destination({ fd: 1, sync: true }),
  );
  return adapt(root, options.threshold ?? { level: 'info' });
}

/** For specs that do not look at log lines. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  with: () => silentLogger,
};

function contextFields(): object {
  const traceId = currentTraceId();
  return traceId === undefined ? { ...currentFields() } : { ...currentFields(), traceId };
}

function adapt(target: Pino, threshold: LogThreshold): Logger {
  const write = (level: LogLevel, message: string, fields: LogFields | undefined): void => {
    if (logLevels.indexOf(level) < logLevels.indexOf(threshold.level)) return;
    if (fields === undefined) target[level](message);
    else target[level](redact(fields), message);
  };
  return {
    debug: (message, fields) => write('debug', message, fields),
    info: (message, fields) => write('info', message, fields),
    warn: (message, fields) => write('warn', message, fields),
    error: (message, fields) => write('error', message, fields),
    with: (fields) => adapt(target.child(redact(fields) as Record<string, unknown>), threshold),
  };
}
