import { setTimeout as delay } from 'node:timers/promises';
import { outageOf } from '@drover/observability';
import type { ServiceContext } from './service.js';

/**
 * Opens something that a service cannot begin without. What is not there yet is tried again, because services
 * and their servers start in any order. Throws at once what trying again would not mend, and the last failure when
 * the service is to stop.
 *
 * @param open waits by itself for as long as one attempt is worth; a fault of it says `not-applied`.
 */
export async function whenAvailable<Opened>(
  { logger, signal }: Pick<ServiceContext, 'logger' | 'signal'>,
  what: string,
  open: () => Promise<Opened>,
  pauseMs = 250,
): Promise<Opened> {
  const outage = outageOf(logger, what);
  for (;;) {
    try {
      const opened = await open();
      outage.ended();
      return opened;
    } catch (error) {
      if (signal.aborted || !mayComeYet(error)) throw error;
      outage.failed(error);
      await delay(pauseMs, undefined, { signal }).catch(() => {
        throw error;
      });
    }
  }
}

function mayComeYet(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'outcome' in error && error.outcome === 'not-applied';
}
