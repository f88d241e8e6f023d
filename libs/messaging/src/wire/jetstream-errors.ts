import { JetStreamApiCodes, JetStreamApiError } from '@nats-io/jetstream';

/** The stream has moved on since it was read. */
export function isWrongLastSequence(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamWrongLastSequence;
}

/** A question about a stream that does not exist. */
export function isStreamNotFound(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound;
}

/** No stream took a published message: no stream holds its subject. The client has no code for it and exports no class. */
export function isNotTaken(error: unknown): boolean {
  return error instanceof Error && error.name === 'JetStreamNotEnabled';
}
