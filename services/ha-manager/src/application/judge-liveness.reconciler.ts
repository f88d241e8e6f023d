import { hostDecider } from '../domain/membership/host.decider.js';
import type { Verdict } from '../domain/liveness/liveness.policy.js';
import type { HostStreamHandler } from './host-stream.handler.js';
import type { Liveness } from './liveness.state.js';

/**
 * Makes events of silence and return. Woken several times a second; what could not be appended is found again the next
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
      verdicts.map((verdict) => {
        const { hostId } = verdict;
        return this.#streams.change(hostId, {
          decide: (state) =>
            hostDecider.decide(
              state,
              verdict.kind === 'silent'
                ? { kind: 'SuspectHost', hostId, missedHeartbeats: verdict.missedHeartbeats }
                : { kind: 'ReturnHost', hostId },
            ),
          causeId: (revision) => `${verdict.kind} ${hostId} ${revision}`,
          actor: { kind: 'service', id: 'ha-manager' },
        });
      }),
    );
  }
}
