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
 * The id a command is recognised by. With an idempotency key it follows from (principal, key) and what is done to which
 * resource: the same key on the same path is the same command, and its answer the first one's, whatever the body says.
 * On another path it is another command: nobody's stop is taken for the repeat of a start.
 *
 * @param deed e.g. `vm.stop` and the VM's id.
 */
export function commandIdOf(caller: Caller, deed: readonly [kind: string, id?: string], clock: Clock): CommandId {
  const { principal, idempotencyKey } = caller;
  return commandIdSchema.parse(
    idempotencyKey === undefined
      ? newId(clock.epochMs())
      : derivedId(principal, JSON.stringify([...deed, idempotencyKey])),
  );
}

export function actorOf(caller: Caller): Actor {
  return { kind: 'user', id: caller.principal, sourceIp: caller.sourceIp, requestId: caller.requestId };
}
