import type {
  Answer,
  CommandAccepted,
  CommandId,
  CommandOf,
  ExplainAnswer,
  ExplainQuery,
  KindName,
  KindNamed,
  Progress,
} from '@drover/contracts';

/**
 * The services that decide. A command is recognised by its id, so that it may be sent again; without an answer in time a
 * `Fault` is thrown whose outcome tells whether it may have been taken.
 */
export interface FleetCommands {
  /** Asks the owner of a kind of streams. What may be asked of it is said where the kind is declared. */
  command<Name extends KindName, Verb extends keyof KindNamed<Name>['commands'] & string>(
    kind: Name,
    verb: Verb,
    command: CommandOf<KindNamed<Name>, Verb> & { readonly commandId: CommandId },
  ): Promise<Answer<CommandAccepted>>;
  explainPlacement(query: ExplainQuery): Promise<Answer<ExplainAnswer>>;
  /** What is heard of operations under way: lossy, and no truth. Returns how to stop. */
  onProgress(listener: (progress: Progress) => void): () => Promise<void>;
}
