import { assertNever } from '@drover/domain-kit';
import { hostDecider, type MembershipCommand } from '../domain/membership/host.decider.js';
import type { Verdict } from '../domain/liveness/liveness.policy.js';
import type { HostStreamHandler } from './host-stream.handler.js';
import type { Liveness } from './liveness.state.js';

/**
 * Makes events of what was heard of hosts, and of their silence. Woken several times a second; what could not be appended is found again the next
 * time, as long as it is still so.
 */
export class JudgeLiveness {
  readonly #liveness: Liveness;
  readonly #streams: HostStreamHandler;
  readonly #isListening: () => boolean;
  #appending: Promise<void> | undefined;

  /** @param isListening whether heartbeats reach this process: it is the active one, and connected. */
  constructor(liveness: Liveness, streams: HostStreamHandler, isListening: () => boolean) {
    this.#liveness = liveness;
    this.#streams = streams;
    this.#isListening = isListening;
  }

  /** Rejects when the store could not be reached. One round at a time: the clock ticks on while one is under way. */
  async reconcile(): Promise<void> {
    const verdicts = this.#liveness.tick(this.#isListening());
    if (this.#appending !== undefined || verdicts.length === 0) return;
    this.#appending = this.#append(verdicts);
    try {
      await this.#appending;
    } finally {
      this.#appending = undefined;
    }
  }

  async #append(verdicts: readonly Verdict[]): Promise<void> {
    await Promise.all(
      verdicts
        .filter((verdict) => !isHostsWord(verdict) || this.#streams.mayCauseEvent(verdict.hostId))
        .map((verdict) => {
          const { hostId, kind } = verdict;
          return this.#streams.change(hostId, {
            decide: (state) => hostDecider.decide(state, commandOf(verdict)),
            causeId: (revision) => `${kind} ${hostId} ${revision}`,
            actor: { kind: 'service', id: 'ha-manager' },
            isHostsWord: isHostsWord(verdict),
          });
        }),
    );
  }
}

/** Silence is for us to say; what a heartbeat or a registration says is the host's word, however often it changes. */
function isHostsWord({ kind }: Verdict): boolean {
  return kind === 'hypervisor-lost' || kind === 'hypervisor-back' || kind === 'cloned';
}

function commandOf(verdict: Verdict): MembershipCommand {
  const { hostId } = verdict;
  switch (verdict.kind) {
    case 'silent':
      return { kind: 'SuspectHost', hostId, missedHeartbeats: verdict.missedHeartbeats };
    case 'back':
      return { kind: 'ReturnHost', hostId };
    case 'hypervisor-lost':
      return { kind: 'LoseHypervisor', hostId, why: verdict.why };
    case 'hypervisor-back':
      return { kind: 'ReturnHypervisor', hostId };
    case 'cloned':
      return { kind: 'RefuseClone', hostId, bootNonce: verdict.bootNonce };
    case 'clone-gone':
      return { kind: 'ForgetClone', hostId };
    default:
      return assertNever(verdict);
  }
}
