import type { CommandId, HostCommand, HostCommandAnswer } from '@drover/contracts';
import type { Clock } from '@drover/domain-kit';
import { decideTaking } from '../domain/taking/take-command.decider.js';
import type { JournalBook } from './journal-book.js';

export interface TakeCommandOptions {
  readonly book: JournalBook;
  readonly clock: Clock;
  readonly isTableKnown: () => boolean;
  readonly carryOut: (command: HostCommand) => void;
}

/** Answers commands: *taken* only once the command is durable in the journal. */
export class TakeCommand {
  readonly #options: TakeCommandOptions;
  /** Commands on their way to disk: a repeat waits with the first. */
  readonly #writing = new Map<CommandId, Promise<void>>();

  constructor(options: TakeCommandOptions) {
    this.#options = options;
  }

  /**
   * Throws `JOURNAL_UNAVAILABLE` where it could not be written down; nothing is carried out then.
   *
   * @param receivedAtMs on this process's monotonic clock.
   */
  async take(command: HostCommand, receivedAtMs: number): Promise<HostCommandAnswer> {
    const { book, carryOut, clock, isTableKnown } = this.#options;
    const { commandId, vmId } = command;
    const state = {
      isTableKnown: isTableKnown(),
      newest: book.content.newest.get(vmId),
      isUnderWay: book.content.commands.has(commandId),
    };
    const { answer, isNew } = decideTaking(state, command, clock.monotonicMs() - receivedAtMs);
    if (!isNew) {
      await this.#writing.get(commandId);
      return answer;
    }
    const written = book.record([{ kind: 'taken', command }]);
    this.#writing.set(commandId, written);
    try {
      await written;
    } catch (error) {
      book.revoke({ kind: 'untaken', command });
      throw error;
    } finally {
      this.#writing.delete(commandId);
    }
    carryOut(command);
    return answer;
  }
}
