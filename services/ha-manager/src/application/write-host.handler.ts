import type { CommandAccepted, HostCommandMessage, HostVerb, Rejection } from '@drover/contracts';
import { requestDigest } from '@drover/domain-kit';
import { hostDecider, type HostCommand } from '../domain/membership/host.decider.js';
import type { HostStreamHandler } from './host-stream.handler.js';

/** What operators say of hosts: done at once, so there is no operation to follow. */
export class WriteHostHandler {
  readonly #streams: HostStreamHandler;

  constructor(streams: HostStreamHandler) {
    this.#streams = streams;
  }

  async handle<Verb extends HostVerb>(
    verb: Verb,
    message: HostCommandMessage<Verb>,
    traceparent?: string,
  ): Promise<CommandAccepted | Rejection> {
    const { commandId, actor, ...asked } = message;
    const { hostId } = asked;
    const changed = await this.#streams.change(hostId, {
      decide: (state) => hostDecider.decide(state, commands[verb](message)),
      causeId: () => commandId,
      requestDigest: requestDigest({ verb, ...asked }),
      actor,
      traceparent,
    });
    if (changed.kind === 'rejected') return changed.rejection;
    return { subjectId: hostId, revision: changed.revision, position: changed.position };
  }
}

const commands: { readonly [Verb in HostVerb]: (message: HostCommandMessage<Verb>) => HostCommand } = {
  cordon: ({ hostId }) => ({ kind: 'CordonHost', hostId }),
  uncordon: ({ hostId }) => ({ kind: 'UncordonHost', hostId }),
  label: ({ hostId, set, remove }) => ({ kind: 'LabelHost', hostId, set, remove }),
  zone: ({ hostId, zone }) => ({ kind: 'ZoneHost', hostId, zone }),
  revoke: ({ hostId }) => ({ kind: 'RevokeHost', hostId }),
  readmit: ({ hostId }) => ({ kind: 'ReadmitHost', hostId }),
  cluster: ({ hostId, cluster }) => ({ kind: 'ClusterHost', hostId, cluster }),
};
