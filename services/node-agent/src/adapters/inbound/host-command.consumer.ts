import { hostOrderSchema, type HostCommandAnswer, type HostId } from '@drover/contracts';
import type { Clock } from '@drover/domain-kit';
import { answered, type Messaging, type MessagingSubscription } from '@drover/messaging';
import type { Logger } from '@drover/observability';
import type { Look } from '../../application/look.handler.js';
import type { TakeCommand } from '../../application/take-command.handler.js';

/**
 * Answers the commands and questions on the host's own subject.
 *
 * An order is read strictly, because a field that is not known here may change what is to be done. One that cannot be read is refused
 * by an answer, so that its sender ends it instead of sending it again.
 */
export function consumeHostCommands(
  messaging: Messaging,
  hostId: HostId,
  takeCommand: TakeCommand,
  look: Look,
  clock: Clock,
  logger: Logger,
): MessagingSubscription {
  return messaging.respond(messaging.subjects.hostCommand(hostId), async ({ payload }) => {
    const receivedAtMs = clock.monotonicMs();
    const read = hostOrderSchema.safeParse(payload);
    if (!read.success) {
      const refusal = refused(read.error.issues);
      logger.warn('an order cannot be read by this release and is refused', { detail: refusal.detail });
      return answered(refusal);
    }
    const order = read.data;
    return answered(order.kind === 'look' ? await look.take(order) : await takeCommand.take(order, receivedAtMs));
  });
}

function refused(issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[]) {
  const problems = issues.slice(0, 10).map(({ path, message }) => `/${path.map(String).join('/')}: ${message}`);
  const detail = `this agent cannot read the order; update it: ${problems.join('; ')}`.slice(0, 2000);
  return { kind: 'refused', code: 'PROTOCOL_UNSUPPORTED', detail } satisfies HostCommandAnswer;
}
