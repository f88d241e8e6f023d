import { streamSubjectId, type NewEvent, type NewVmEvent } from '@drover/contracts';
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
  const { operationId, traceparent } = event.meta;
  const fields = { vmId: streamSubjectId(stream), ...(operationId === undefined ? {} : { operationId }) };
  const { type, data } = event as NewVmEvent;
  inSpan(type, { traceparent, fields }, () => {
    if (type === 'OperationBegan') logger.info('an operation began', { operation: data.kind });
    else if (type === 'OperationSucceeded') logger.info('an operation succeeded');
    else if (type === 'OperationCancelled') logger.info('an operation was cancelled');
    else if (type === 'OperationFailed') {
      logger.info('an operation failed', { step: data.step, code: data.code, reason: data.reason });
    }
  });
}
