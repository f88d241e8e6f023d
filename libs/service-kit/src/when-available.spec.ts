import { describe, expect, it } from '@jest/globals';
import { createLogger, silentLogger as logger } from '@drover/observability';
import { whenAvailable } from './when-available.js';

const absent = Object.assign(new Error('no server listens'), { outcome: 'not-applied' });
const wait = { logger, signal: new AbortController().signal };

describe('what a service cannot begin without', () => {
  it('is waited for', async () => {
    let attempts = 0;
    const open = () => ((attempts += 1) < 3 ? Promise.reject(absent) : Promise.resolve('store'));
    expect(await whenAvailable(wait, 'the store', open, 1)).toBe('store');
    expect(attempts).toBe(3);
  });

  it('is told to the log when it is missed and when it has come, and not at each attempt', async () => {
    const lines: string[] = [];
    const destination = { write: (line: string) => void lines.push((JSON.parse(line) as { message: string }).message) };
    let attempts = 0;
    const open = () => ((attempts += 1) < 20 ? Promise.reject(absent) : Promise.resolve('store'));
    await whenAvailable({ ...wait, logger: createLogger('vm-manager', { destination }) }, 'the store', open, 0);
    expect(lines).toEqual(['the store unavailable, retrying', 'the store available again']);
  });

  it('is not waited for where waiting mends nothing', async () => {
    const refused = new Error('password authentication failed');
    await expect(whenAvailable(wait, 'the store', () => Promise.reject(refused), 1)).rejects.toBe(refused);
  });

  it('is not waited for once the service is to stop', async () => {
    const stop = new AbortController();
    const waiting = whenAvailable({ logger, signal: stop.signal }, 'the store', () => Promise.reject(absent), 60_000);
    stop.abort();
    await expect(waiting).rejects.toBe(absent);
  });
});
