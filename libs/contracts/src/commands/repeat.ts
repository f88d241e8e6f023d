import type { Rejection } from '../errors/fault.js';

/** What the owner of a stream says to a command whose id another request was done under. */
export const keyReused: Rejection = {
  code: 'IDEMPOTENCY_KEY_REUSED',
  detail: 'this request repeats the Idempotency-Key of another request, which was done; nothing was done for this one',
};
