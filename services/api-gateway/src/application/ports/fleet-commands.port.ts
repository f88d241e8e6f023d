import type {
  Answer,
  CommandAccepted,
  ExplainAnswer,
  ExplainQuery,
  ForgetOrders,
  HostCommandMessage,
  HostVerb,
  Progress,
  VmCommand,
} from '@drover/contracts';

/**
 * The services that decide. A command is recognised by its id, so that it may be sent again; without an answer in time a
 * `Fault` is thrown whose outcome tells whether it may have been taken.
 */
export interface FleetCommands {
  vm(command: VmCommand): Promise<Answer<CommandAccepted>>;
  host<Verb extends HostVerb>(verb: Verb, message: HostCommandMessage<Verb>): Promise<Answer<CommandAccepted>>;
  forgetOrders(message: ForgetOrders): Promise<Answer<CommandAccepted>>;
  explainPlacement(query: ExplainQuery): Promise<Answer<ExplainAnswer>>;
  /** What is heard of operations under way: lossy, and no truth. Returns how to stop. */
  onProgress(listener: (progress: Progress) => void): () => Promise<void>;
}
