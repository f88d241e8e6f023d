import type { ZodType } from 'zod';
import type { Answer, IncomingMessage } from './messaging.port.js';

/**
 * The bytes of a message are no JSON, or no message of the kind expected. Its text names fields and never quotes values.
 *
 * Thrown by a handler it makes the message a dead letter, which is kept before the sender hears of it.
 */
export class UnreadableMessage extends Error {
  override readonly name = 'UnreadableMessage';
}

/** The payload as the schema reads it; throws `UnreadableMessage` for any other. */
export function parsePayload<Payload>(schema: ZodType<Payload>, message: IncomingMessage): Payload {
  const parsed = schema.safeParse(message.payload);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.slice(0, 10).map((issue) => `${pointer(issue.path)}: ${issue.message}`);
  throw new UnreadableMessage(`not readable: ${problems.join('; ')}`.slice(0, 2000));
}

/** Puts a schema before a handler of requests or messages. */
export function readMessage<Payload, Result extends Answer | void>(
  schema: ZodType<Payload>,
  handler: (payload: Payload, message: IncomingMessage) => Promise<Result> | Result,
): (message: IncomingMessage) => Promise<Result> | Result {
  return (message) => handler(parsePayload(schema, message), message);
}

function pointer(path: readonly PropertyKey[]): string {
  return path.length === 0 ? 'payload' : `/${path.map(String).join('/')}`;
}
