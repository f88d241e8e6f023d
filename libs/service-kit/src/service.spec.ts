import { describe, expect, it } from '@jest/globals';
import { createMetrics, silentLogger } from '@drover/observability';
import { startService, type ServiceContext } from './service.js';

const options = { logger: silentLogger, metrics: createMetrics(), stopWithinMs: 20 };

describe('a service', () => {
  it('closes what it opened in reverse order, once', async () => {
    const closed: string[] = [];
    const service = await startService(
      {
        name: 'a',
        start: async (context) => {
          context.onStop('store', () => void closed.push('store'));
          context.onStop('nats', async () => void closed.push('nats'));
        },
      },
      options,
    );
    await Promise.all([service.stop(), service.stop()]);
    await service.ended;
    expect(closed).toEqual(['nats', 'store']);
  });

  it('closes what was opened when it cannot start, and throws why', async () => {
    const closed: string[] = [];
    const start = startService(
      {
        name: 'a',
        start: async (context) => {
          context.onStop('store', () => void closed.push('store'));
          throw new Error('no schema');
        },
      },
      options,
    );
    await expect(start).rejects.toThrow('no schema');
    expect(closed).toEqual(['store']);
  });

  it('closes the rest when one part hangs, and says that it did not stop cleanly', async () => {
    const closed: string[] = [];
    const service = await startService(
      {
        name: 'a',
        start: async (context) => {
          context.onStop('store', () => void closed.push('store'));
          context.onStop('nats', () => new Promise(() => undefined));
        },
      },
      options,
    );
    await expect(service.stop()).rejects.toThrow('a did not stop cleanly');
    expect(closed).toEqual(['store']);
  });

  it('ends with the failure that it cannot go on after', async () => {
    let context: ServiceContext | undefined;
    const service = await startService({ name: 'a', start: async (given) => void (context = given) }, options);
    context?.fail(new Error('unknown event'));
    await expect(service.ended).rejects.toThrow('unknown event');
    expect(context?.signal.aborted).toBe(true);
    expect(service.health.live().isOk).toBe(false);
  });
});
