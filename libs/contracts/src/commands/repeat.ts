import { errors } from '../errors/errors.js';

/** What the owner of a stream says to a command whose id another request was done under. */
export const keyReused = errors.IDEMPOTENCY_KEY_REUSED(
  'this Idempotency-Key was already used for a different request; this request was not carried out',
);
