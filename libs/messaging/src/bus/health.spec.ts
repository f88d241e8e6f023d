import { describe, expect, it } from '@jest/globals';
import { silentLogger } from '@drover/observability';
import { respondHealth } from './health.js';
import { createMemoryBus } from './memory-bus.adapter.js';
import { answered } from './messaging.port.js';

describe('the health answer', () => {
  it('says what the service reports of itself', async () => {
    const options = { name: 'administrator', logger: silentLogger, deadLetters: { keep: async () => undefined } };
    const messaging = createMemoryBus().connect(options);
    respondHealth(messaging, 'drs', async () => ({ isOk: false }));
    expect(await messaging.request('drover.query.drs.health', null, { ttlMs: 1000 })).toEqual(
      answered({ isOk: false }),
    );
  });
});
