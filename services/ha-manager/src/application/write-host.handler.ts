import { answered, rejected, type Answer, type CommandAccepted, type HostCommand } from '@drover/contracts';
import { requestDigest } from '@drover/domain-kit';
import { hostDecider } from '../domain/membership/host.decider.js';
import type { HostStreamHandler } from './host-stream.handler.js';

/** What operators say of hosts: done at once, so there is no operation to follow. */
export class WriteHostHandler {
  readonly #streams: HostStreamHandler;

  constructor(streams: HostStreamHandler) {
    this.#streams = streams;
  }

  async handle(command: HostCommand, traceparent?: string): Promise<Answer<CommandAccepted>> {
    const { commandId, actor, hostId } = command;
    const changed = await this.#streams.change(hostId, {
      decide: (state) => hostDecider.decide(state, command),
      causeId: () => commandId,
      requestDigest: requestDigest(command),
      actor,
      traceparent,
    });
    if (changed.kind === 'rejected') return rejected(changed.rejection);
    return answered({ subjectId: hostId, revision: changed.revision, position: changed.position });
  }
}
