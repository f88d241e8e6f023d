import {
  commandAcceptedSchema,
  explainAnswerSchema,
  progressSchema,
  type CommandId,
  type ExplainQuery,
  type ForgetOrders,
  type HostCommandMessage,
  type HostVerb,
  type Progress,
  type VmCommand,
} from '@drover/contracts';
import { readMessage, type Messaging } from '@drover/messaging';
import type { FleetCommands } from '../../application/ports/fleet-commands.port.js';

/** Commands and queries over the message bus. A command is sent again until it is answered or its time is over. */
export class MessagingFleetCommands implements FleetCommands {
  readonly #messaging: Messaging;
  readonly #ttlMs: number;

  constructor(messaging: Messaging, ttlMs: number) {
    this.#messaging = messaging;
    this.#ttlMs = ttlMs;
  }

  vm(command: VmCommand) {
    return this.#command('vm', command.kind, command);
  }

  host<Verb extends HostVerb>(verb: Verb, message: HostCommandMessage<Verb>) {
    return this.#command('host', verb, message);
  }

  forgetOrders(message: ForgetOrders) {
    return this.#command('vm', 'forget-orders', message);
  }

  explainPlacement(query: ExplainQuery) {
    return this.#messaging.request(this.#messaging.subjects.query('placement', 'explain'), query, {
      ttlMs: this.#ttlMs,
      retry: 'until-ttl',
      schema: explainAnswerSchema,
    });
  }

  onProgress(listener: (progress: Progress) => void): () => Promise<void> {
    const subscription = this.#messaging.subscribe(
      this.#messaging.subjects.hostProgress('*'),
      readMessage(progressSchema, (progress) => listener(progress)),
    );
    return () => subscription.stop();
  }

  #command(kind: string, verb: string, message: { readonly commandId: CommandId }) {
    return this.#messaging.request(this.#messaging.subjects.command(kind, verb), message, {
      id: message.commandId,
      ttlMs: this.#ttlMs,
      retry: 'until-ttl',
      schema: commandAcceptedSchema,
    });
  }
}
