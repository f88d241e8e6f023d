import { commandIdSchema, type Actor, type CommandId } from '@drover/contracts';
import { derivedId, newId, type Clock } from '@drover/domain-kit';

/** Who asks, and by which request. */
export interface Caller {
  readonly principal: string;
  readonly requestId: string;
  readonly sourceIp: string;
  readonly idempotencyKey?: string;
}

/**
 * The id a command is recognised by. With an idempotency key it follows from (principal, key) alone: the same key is the
 * same command, and its answer the first one's, whatever else the request says.
 */
export function commandIdOf(caller: Caller, clock: Clock): CommandId {
  const { principal, idempotencyKey } = caller;
  return commandIdSchema.parse(
    idempotencyKey === undefined ? newId(clock.epochMs()) : derivedId(principal, idempotencyKey),
  );
}

export function actorOf(caller: Caller): Actor {
  return { kind: 'user', id: caller.principal, sourceIp: caller.sourceIp, requestId: caller.requestId };
}
