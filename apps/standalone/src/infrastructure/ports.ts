import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { hasCode } from '@drover/domain-kit';

export interface Ports {
  readonly api: number;
  readonly nats: number;
}

/** Below the range that Linux gives to outgoing connections, so that a stored port is seldom taken at the next start. */
const lowest = 20_000;
const highest = 32_000;
const preferredApi = 7480;

export type IsFree = (port: number) => Promise<boolean>;

/** The stored ports where they are still free, others where they are not. */
export async function choosePorts(stored: Partial<Ports>, isFree: IsFree = isPortFree): Promise<Ports> {
  const taken = new Set<number>();
  async function choose(...wished: readonly (number | undefined)[]): Promise<number> {
    for (const port of wished) {
      if (port === undefined || taken.has(port) || !(await isFree(port))) continue;
      taken.add(port);
      return port;
    }
    return choose(randomInt(lowest, highest));
  }
  return {
    api: await choose(stored.api, stored.api === undefined ? preferredApi : undefined),
    nats: await choose(stored.nats),
  };
}

/** Whether no process listens on this port of 127.0.0.1 now. */
export async function isPortFree(port: number): Promise<boolean> {
  const probe = createServer();
  return new Promise((resolve, reject) => {
    probe.once('error', (error) => {
      if (hasCode(error, 'EADDRINUSE', 'EACCES')) resolve(false);
      else reject(error);
    });
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

/** For tests and throw-away servers. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(lowest, highest);
    if (await isPortFree(port)) return port;
  }
}
