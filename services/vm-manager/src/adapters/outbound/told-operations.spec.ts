import { describe, expect, it } from '@jest/globals';
import type { EventId, NewEvent, OperationId } from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';
import { createMemoryEventStore } from '@drover/event-store';
import { createLogger, inSpan } from '@drover/observability';
import { user, vmId } from '../../testing/index.js';
import { toldOperations } from './told-operations.adapter.js';

const operationId = derivedId('spec', 'operation') as OperationId;
const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';

function event(type: string, data: object): NewEvent {
  const traceparent = `00-${traceId}-00f067aa0ba902b7-01`;
  const meta = { at: '2026-01-01T00:00:00.000Z', actor: user, operationId, traceparent };
  return { id: derivedId('spec', type) as EventId, type, schemaVersion: 1, data: { operationId, ...data }, meta };
}

describe('the log of operations', () => {
  it('has how each began and ended, once, in its own trace and not in that of the caller that appends', async () => {
    const lines: Record<string, unknown>[] = [];
    const destination = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) };
    const memory = createMemoryEventStore();
    const store = toldOperations(memory, createLogger('vm-manager', { destination }));
    const stream = `vm-${vmId}`;
    const events = [
      event('OperationBegan', { kind: 'vm.stop', timeoutMs: 1000 }),
      event('VmStopped', {}),
      event('OperationFailed', { step: 'stop', code: 'TIMED_OUT', reason: 'no answer', undone: [], left: [] }),
    ];
    for (const expected of ['no-stream', 'no-stream', 7] as const) {
      await inSpan('a report of another VM', {}, () => store.append(stream, expected, events));
    }
    expect(lines).toMatchObject([
      { level: 'info', message: 'an operation began', operation: 'vm.stop', vmId, operationId, traceId },
      { level: 'info', message: 'an operation failed', step: 'stop', code: 'TIMED_OUT', vmId, operationId, traceId },
    ]);
    expect(lines).toHaveLength(2);
    expect(await store.read(stream, { fromRevision: 0 })).toHaveLength(3);
    await memory.close();
  });
});
