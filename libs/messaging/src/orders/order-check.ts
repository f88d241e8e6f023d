import { readFileSync, statSync } from 'node:fs';
import { signedSchema } from '@drover/contracts';
import { systemClock, type Clock } from '@drover/domain-kit';
import type { Counter, Logger, Metrics } from '@drover/observability';
import { isSignedBy, parseOrderKeys, type OrderKeys, type SignedFor } from './order-signature.codec.js';
import { SparseLog } from '../bus/sparse-log.js';

/** Why something was not believed. */
type Refusal = 'unsigned' | 'unknown-key' | 'wrong-signature' | 'not-json';

export interface OrderCheckOptions {
  readonly keys: () => OrderKeys;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock?: Clock;
}

/** Opens what vm-manager has signed. What it has not is counted, and the log is told of some of it. */
export class OrderCheck {
  readonly #keys: () => OrderKeys;
  readonly #counter: Counter<'drover_orders_refused_total'>;
  readonly #log: SparseLog;

  constructor({ keys, logger, metrics, clock = systemClock }: OrderCheckOptions) {
    this.#keys = keys;
    this.#counter = metrics.counter('drover_orders_refused_total');
    this.#log = new SparseLog(logger, clock);
  }

  /** What was signed for this host, parsed and not yet checked; undefined where it must not be believed. */
  open(payload: unknown, target: SignedFor): { readonly content: unknown } | undefined {
    const signed = signedSchema.safeParse(payload);
    if (!signed.success) return this.#refuse('unsigned', target);
    const keys = this.#keys();
    if (!keys.has(signed.data.keyId)) return this.#refuse('unknown-key', target);
    if (!isSignedBy(keys, signed.data, target)) return this.#refuse('wrong-signature', target);
    try {
      return { content: JSON.parse(signed.data.body) as unknown };
    } catch {
      return this.#refuse('not-json', target);
    }
  }

  #refuse(reason: Refusal, { purpose, hostId }: SignedFor): undefined {
    this.#counter.add(1, { purpose, reason });
    this.#log.tell('error', 'refused what vm-manager has not signed', `${hostId} ${purpose} ${reason}`, {
      ...{ hostId, purpose, reason },
    });
    return undefined;
  }
}

/**
 * The keys in a file that may be replaced while it is used: it is looked at for each order, and read again where it has changed.
 * At first it must be readable; when it is not later, the keys that were read last count.
 */
export function orderKeysIn(file: string, logger: Logger): () => OrderKeys {
  let mark = markOf(file);
  let keys = parseOrderKeys(readFileSync(file, 'utf8'));
  return () => {
    try {
      const now = markOf(file);
      if (now !== mark) {
        keys = parseOrderKeys(readFileSync(file, 'utf8'));
        mark = now;
        logger.info('the keys that may sign orders have changed', { file, keys: [...keys.keys()] });
      }
    } catch (error) {
      logger.warn('the keys that may sign orders cannot be read again', { file, error });
    }
    return keys;
  };
}

function markOf(file: string): string {
  const { ino, mtimeMs, size } = statSync(file);
  return `${ino} ${mtimeMs} ${size}`;
}
