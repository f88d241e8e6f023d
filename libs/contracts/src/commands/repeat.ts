import type { Rejection } from '../errors/fault.js';

/** What the owner of a stream says to a command whose id another request was done under. */
export const keyReused: Rejection = {
  code: 'IDEMPOTENCY_KEY_REUSED',
  detail: 'this Idempotency-Key was already used for a different request; this request was not carried out',
};
