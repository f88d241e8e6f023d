import {
  commandAcceptedSchema,
  explainAnswerSchema,
  progressSchema,
  type CommandId,
  type ExplainQuery,
  type Progress,
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

  command(kind: string, verb: string, command: { readonly commandId: CommandId }) {
    return this.#messaging.request(this.#messaging.subjects.command(kind, verb), command, {
      id: command.commandId,
      ttlMs: this.#ttlMs,
      retry: 'until-ttl',
      schema: commandAcceptedSchema,
    });
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
}
