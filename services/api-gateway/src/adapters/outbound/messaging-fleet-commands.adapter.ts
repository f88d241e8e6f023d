import { setTimeout as delay } from 'node:timers/promises';
import {
  commandAcceptedSchema,
  errors,
  explainAnswerSchema,
  Fault,
  progressSchema,
  type CommandId,
  type ExplainQuery,
  type Progress,
} from '@drover/contracts';
import type { EventStore } from '@drover/event-store';
import { readMessage, type Messaging } from '@drover/messaging';
import type { FleetCommands } from '../../application/ports/fleet-commands.port.js';

/** How long the event store may take to say that it is there, when a service has not answered. */
const STORE_ANSWERS_MS = 1_000;

/** Commands and queries over the message bus. A command is sent again until it is answered or its time is over. */
export class MessagingFleetCommands implements FleetCommands {
  readonly #messaging: Messaging;
  readonly #store: Pick<EventStore, 'head'>;
  readonly #ttlMs: number;

  constructor(messaging: Messaging, store: Pick<EventStore, 'head'>, ttlMs: number) {
    this.#messaging = messaging;
    this.#store = store;
    this.#ttlMs = ttlMs;
  }

  async command(kind: string, verb: string, command: { readonly commandId: CommandId }) {
    try {
      return await this.#messaging.request(this.#messaging.subjects.command(kind, verb), command, {
        id: command.commandId,
        ttlMs: this.#ttlMs,
        retry: 'until-ttl',
        schema: commandAcceptedSchema,
      });
    } catch (error) {
      throw (await this.#withoutStore(error)) ?? error;
    }
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

  /** Services answer nothing while the event store is away, because their leases are there: then that is what hinders the command. */
  async #withoutStore(error: unknown): Promise<Fault | undefined> {
    if (!(error instanceof Fault) || !['SERVICE_UNAVAILABLE', 'TIMED_OUT'].includes(error.code)) return undefined;
    const cause = await Promise.race([
      this.#store.head().then(
        () => undefined,
        (reason: unknown) => (reason instanceof Error ? reason.message : 'it failed'),
      ),
      delay(STORE_ANSWERS_MS, `it has not answered within ${STORE_ANSWERS_MS} ms`),
    ]);
    return cause === undefined
      ? undefined
      : errors.STORE_UNAVAILABLE(error.outcome, `the event store is away, and so no service answers: ${cause}`);
  }
}
