import { describe, expect, it } from '@jest/globals';
import { createLogger } from '@drover/observability';
import { createMemoryBus } from './memory-wire.driver.js';
import { answered } from './messaging.port.js';

describe('an answer that cannot be sent', () => {
  it('is told to the log and harms nothing else', async () => {
    const lines: string[] = [];
    const bus = createMemoryBus();
    const logger = createLogger('spec', { destination: { write: (line: string) => void lines.push(line) } });
    const messaging = bus.connect({ name: 'spec', logger, deadLetters: { keep: () => Promise.resolve() } });
    messaging.respond('drover.query.spec.big', () => answered({ notJson: 1n }));
    messaging.respond('drover.query.spec.small', () => answered(1));
    await expect(messaging.request('drover.query.spec.big', {}, { ttlMs: 20 })).rejects.toMatchObject({
      code: 'TIMED_OUT',
      outcome: 'unknown',
    });
    expect(lines.join('')).toContain('an answer could not be sent');
    expect(await messaging.request('drover.query.spec.small', {}, { ttlMs: 1_000 })).toEqual(answered(1));
    await messaging.close();
  });
});
