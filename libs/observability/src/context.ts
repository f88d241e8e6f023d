import { context, createContextKey, type Context, type ContextManager } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';

/**
 * What every log line below a call carries. Ids only: whatever stands here is written to the log.
 */
export interface ContextFields {
  readonly operationId?: string;
  /** Id of the message, command or report being worked on. */
  readonly messageId?: string;
  /** Id of the HTTP request. */
  readonly requestId?: string;
  readonly vmId?: string;
  readonly hostId?: string;
}

const FIELDS = createContextKey('drover fields');

// OpenTelemetry's context is one per process by design, and it carries our fields too: a second AsyncLocalStorage would
// double the price of every asynchronous step. A manager that was registered before ours stays in charge of the global API;
// ours goes on to work next to it.
const manager: ContextManager = new AsyncLocalStorageContextManager().enable();
context.setGlobalContextManager(manager);

export function activeContext(): Context {
  return manager.active();
}

export function runInContext<T>(target: Context, body: () => T): T {
  return manager.with(target, body);
}

/** Runs `body`, and all that it starts, with these fields added to those already there. */
export function withContext<T>(fields: ContextFields, body: () => T): T {
  return runInContext(contextWith(fields), body);
}

/**
 * Where this is called, to be gone back to later: what waits in a queue belongs to the call that put it there, and not to the one that
 * takes it out.
 */
export function keepContext(): <T>(body: () => T) => T {
  const kept = activeContext();
  return (body) => runInContext(kept, body);
}

export function contextWith(fields: ContextFields, base: Context = activeContext()): Context {
  return base.setValue(FIELDS, withFields(fieldsOf(base), fields));
}

export function currentFields(): ContextFields {
  return fieldsOf(activeContext());
}

function fieldsOf(source: Context): ContextFields {
  return (source.getValue(FIELDS) as ContextFields | undefined) ?? {};
}

/** Made for each message and each attempt, so without lists in between. */
function withFields(before: ContextFields, fields: ContextFields): ContextFields {
  const all: Record<string, string> = { ...before };
  for (const [name, value] of Object.entries(fields) as [string, string | undefined][]) {
    if (value !== undefined) all[name] = value;
  }
  return all;
}
