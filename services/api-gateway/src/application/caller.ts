import {
  commandEffectLabels,
  commandIdSchema,
  operationIdSchema,
  type Actor,
  type CommandId,
  type OperationId,
} from '@drover/contracts';
import { derivedId, newId, type Clock } from '@drover/domain-kit';

/** Who asks, and by which request. */
export interface Caller {
  readonly principal: string;
  readonly requestId: string;
  readonly sourceIp: string;
  readonly idempotencyKey?: string;
}

/**
 * The id a command is recognised by. With an idempotency key it follows from the principal, the key, and what was asked as the
 * client wrote it: a repeat is the same command whatever its body says, and whichever VM the name has come to belong to. On
 * another path it is another command: a stop is never taken for the repeat of a start.
 *
 * @param deed e.g. `vm.stop`, the project and the path's segment; nothing that was looked up.
 */
export function commandIdOf(
  caller: Caller,
  deed: readonly [kind: string, ...asWritten: string[]],
  clock: Clock,
): CommandId {
  const { principal, idempotencyKey } = caller;
  return commandIdSchema.parse(
    idempotencyKey === undefined
      ? newId(clock.epochMs())
      : derivedId(principal, JSON.stringify([...deed, idempotencyKey])),
  );
}

/** The operation that a command begins, if it begins one. */
export function operationIdAfter(commandId: CommandId): OperationId {
  return operationIdSchema.parse(derivedId(commandId, commandEffectLabels.operation));
}

export function actorOf(caller: Caller): Actor {
  return { kind: 'user', id: caller.principal, sourceIp: caller.sourceIp, requestId: caller.requestId };
}
