import { describe, expect, it } from '@jest/globals';
import { errors } from '@drover/contracts';
import { createLogger, currentTraceId, inSpan } from '@drover/observability';
import { createMemoryBus } from './memory-bus.adapter.js';
import { answered } from './messaging.port.js';

describe('an answer that cannot be sent', () => {
  it('is told to the log and harms nothing else', async () => {
    const told = Promise.withResolvers<string>();
    const bus = createMemoryBus();
    const logger = createLogger('spec', { destination: { write: (line: string) => told.resolve(line) } });
    const messaging = bus.connect({ name: 'administrator', logger, deadLetters: { keep: () => Promise.resolve() } });
    messaging.respond('drover.query.spec.big', () => answered({ notJson: 1n }));
    messaging.respond('drover.query.spec.small', () => answered(1));
    // The time of a question counts while it waits for its turn too, so it is long: on a busy machine a short one is over before.
    const unanswered = messaging
      .request('drover.query.spec.big', {}, { ttlMs: 60_000 })
      .catch((error: unknown) => error);
    expect(await told.promise).toContain('an answer could not be sent');
    expect(await messaging.request('drover.query.spec.small', {}, { ttlMs: 60_000 })).toEqual(answered(1));
    await messaging.close();
    expect(await unanswered).toMatchObject({ outcome: 'unknown' });
  });
});

describe('a message that cannot be worked on', () => {
  const refused = errors.STORE_UNAVAILABLE('not-applied', 'no answer', {
    cause: new Error('connection refused'),
  });
  it.each([
    ['a fault, in short', refused, 'warn', { reason: 'STORE_UNAVAILABLE: no answer: connection refused' }],
    ['a defect, with its stack', new TypeError('of ours'), 'error', { error: { stack: expect.any(String) } }],
  ] as const)('is told to the log with its trace and operation: %s', async (_name, failure, level, told) => {
    const lines: Record<string, unknown>[] = [];
    const destination = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) };
    const messaging = createMemoryBus().connect({
      name: 'administrator',
      logger: createLogger('spec', { destination }),
      deadLetters: { keep: () => Promise.resolve() },
    });
    const subject = 'drover.query.spec.failing';
    messaging.respond(subject, () => Promise.reject(failure));
    const traceId = await inSpan('asker', {}, async () => {
      const options = { ttlMs: 1_000, id: 'm-1', operationId: 'op-1' };
      await messaging.request(subject, {}, options).catch((error: unknown) => error);
      return currentTraceId();
    });
    expect(traceId).toBeDefined();
    expect(lines).toMatchObject([{ level, subject, messageId: 'm-1', operationId: 'op-1', traceId, ...told }]);
    if (level === 'warn') expect(JSON.stringify(lines)).not.toContain('stack');
    await messaging.close();
  });
});
