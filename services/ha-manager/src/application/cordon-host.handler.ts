import type { CommandAccepted, HostCommandMessage, HostVerb, Rejection } from '@drover/contracts';
import { requestDigest } from '@drover/domain-kit';
import { hostDecider } from '../domain/membership/host.decider.js';
import type { HostStreamHandler } from './host-stream.handler.js';

const kinds = { cordon: 'CordonHost', uncordon: 'UncordonHost' } as const;

/** Cordons and uncordons: done at once, so there is no operation to follow. */
export class CordonHostHandler {
  readonly #streams: HostStreamHandler;

  constructor(streams: HostStreamHandler) {
    this.#streams = streams;
  }

  async handle(
    verb: HostVerb,
    { hostId, commandId, actor }: HostCommandMessage,
    traceparent?: string,
  ): Promise<CommandAccepted | Rejection> {
    const changed = await this.#streams.change(hostId, {
      decide: (state) => hostDecider.decide(state, { kind: kinds[verb], hostId }),
      causeId: () => commandId,
      requestDigest: requestDigest({ verb, hostId }),
      actor,
      traceparent,
    });
    if (changed.kind === 'rejected') return changed.rejection;
    return { subjectId: hostId, revision: changed.revision, position: changed.position };
  }
}
