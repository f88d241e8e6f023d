import { hostCommandSchema, type HostId } from '@drover/contracts';
import type { Clock } from '@drover/domain-kit';
import { answered, readMessage, type Messaging, type MessagingSubscription } from '@drover/messaging';
import type { TakeCommand } from '../../application/take-command.handler.js';

/** Answers the commands on the host's own subject. */
export function consumeHostCommands(
  messaging: Messaging,
  hostId: HostId,
  takeCommand: TakeCommand,
  clock: Clock,
): MessagingSubscription {
  return messaging.respond(messaging.subjects.hostCommand(hostId), (message) => {
    const receivedAtMs = clock.monotonicMs();
    return readMessage(hostCommandSchema, async (command) => answered(await takeCommand.take(command, receivedAtMs)))(
      message,
    );
  });
}
