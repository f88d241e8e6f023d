import { kindOfStream, streamSubjectId, type NewEvent, type NewVmEvent } from '@drover/contracts';
import { inSpan, type Logger } from '@drover/observability';
import type { VmStore } from '../../application/ports/vm-store.port.js';

/** Tells the log how operations begin and end, each line in the trace of its operation, once the store has acknowledged it. */
export function toldOperations(store: VmStore, logger: Logger): VmStore {
  return {
    now: () => store.now(),
    read: (stream, options) => store.read(stream, options),
    append: async (stream, expected, events) => {
      const result = await store.append(stream, expected, events);
      if (result.kind === 'appended' && !result.wasRepeat) for (const event of events) tell(logger, stream, event);
      return result;
    },
  };
}

function tell(logger: Logger, stream: string, event: NewEvent): void {
  const line = lineOf(event as NewVmEvent);
  if (line === undefined) return;
  const { operationId, traceparent } = event.meta;
  const subject = { [`${kindOfStream(stream)}Id`]: streamSubjectId(stream) };
  const fields = { ...subject, ...(operationId === undefined ? {} : { operationId }) };
  inSpan(event.type, { traceparent, fields }, () => logger.info(line.message, line.fields));
}

function lineOf({
  type,
  data,
}: NewVmEvent): { readonly message: string; readonly fields?: Readonly<Record<string, unknown>> } | undefined {
  if (type === 'OperationBegan') return { message: 'an operation began', fields: { operation: data.kind } };
  if (type === 'OperationSucceeded') return { message: 'an operation succeeded' };
  if (type === 'OperationCancelled') return { message: 'an operation was cancelled' };
  if (type !== 'OperationFailed') return undefined;
  return { message: 'an operation failed', fields: { step: data.step, code: data.code, reason: data.reason } };
}
