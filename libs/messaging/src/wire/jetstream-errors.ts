import { JetStreamApiCodes, JetStreamApiError } from '@nats-io/jetstream';

/** A question about a stream that does not exist. */
export function isStreamNotFound(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound;
}
