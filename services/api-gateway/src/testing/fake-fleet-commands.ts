import {
  type Answer,
  errors,
  type CommandAccepted,
  type CommandId,
  type ExplainAnswer,
  type ExplainQuery,
  type Progress,
  type Rejection,
} from '@drover/contracts';
import type { FleetCommands } from '../application/ports/fleet-commands.port.js';

export interface SentCommand {
  readonly subject: string;
  readonly message: { readonly commandId: CommandId } | ExplainQuery;
}

type Respond = (subject: string, message: SentCommand['message']) => Promise<Answer<unknown>> | Answer<unknown>;

const nobodyDecides: Rejection = errors.HOST_WRONG_STATE('this fake was not told what to answer');

/** Keeps what was sent and answers as it is told to. */
export class FakeFleetCommands implements FleetCommands {
  readonly sent: SentCommand[] = [];
  respond: Respond = () => ({ kind: 'rejected', rejection: nobodyDecides });
  readonly #listeners = new Set<(progress: Progress) => void>();

  command(kind: string, verb: string, command: SentCommand['message']) {
    return this.#take<CommandAccepted>(`${kind}.${verb}`, command);
  }

  explainPlacement(query: ExplainQuery) {
    return this.#take<ExplainAnswer>('placement.explain', query);
  }

  onProgress(listener: (progress: Progress) => void): () => Promise<void> {
    this.#listeners.add(listener);
    return async () => void this.#listeners.delete(listener);
  }

  progress(progress: Progress): void {
    for (const listener of this.#listeners) listener(progress);
  }

  async #take<Value>(subject: string, message: SentCommand['message']): Promise<Answer<Value>> {
    this.sent.push({ subject, message });
    return (await this.respond(subject, message)) as Answer<Value>;
  }
}
