import { hostOrderSchema, type HostId } from '@drover/contracts';
import type { Clock } from '@drover/domain-kit';
import { answered, readMessage, type Messaging, type MessagingSubscription } from '@drover/messaging';
import type { Look } from '../../application/look.handler.js';
import type { TakeCommand } from '../../application/take-command.handler.js';

/** Answers the commands and questions on the host's own subject. */
export function consumeHostCommands(
  messaging: Messaging,
  hostId: HostId,
  takeCommand: TakeCommand,
  look: Look,
  clock: Clock,
): MessagingSubscription {
  return messaging.respond(messaging.subjects.hostCommand(hostId), (message) => {
    const receivedAtMs = clock.monotonicMs();
    return readMessage(hostOrderSchema, async (order) =>
      answered(order.kind === 'look' ? await look.take(order) : await takeCommand.take(order, receivedAtMs)),
    )(message);
  });
}
