import type { HostId } from '@drover/contracts';
import type { Clock } from '@drover/domain-kit';
import {
  aliveBootNonce,
  heartbeatIntervalMs,
  isOfRegisteredAgent,
  judge,
  type Verdict,
} from '../domain/liveness/liveness.policy.js';
import { evolve, initialLiveness, type LivenessPolicy, type LivenessState } from '../domain/liveness/liveness.state.js';
import type { HostDirectory } from './host-directory.state.js';

/** The one place where this process keeps what it has heard of hosts. */
export class Liveness {
  readonly #policy: LivenessPolicy;
  readonly #clock: Clock;
  readonly #directory: HostDirectory;
  #state: LivenessState;

  constructor(policy: LivenessPolicy, clock: Clock, directory: HostDirectory) {
    this.#policy = policy;
    this.#clock = clock;
    this.#directory = directory;
    this.#state = initialLiveness(policy);
  }

  /** What was heard under an earlier lease says nothing: agents may have registered with another ha-manager since. */
  forget(): void {
    this.#state = initialLiveness(this.#policy);
  }

  /** When a host that is answered now is to send its next heartbeat. */
  get nextIntervalMs(): number {
    return heartbeatIntervalMs(this.#state, this.#directory.size);
  }

  isOfRegisteredAgent(hostId: HostId, bootNonce: string): boolean {
    return isOfRegisteredAgent(this.#state, hostId, bootNonce);
  }

  aliveBootNonce(hostId: HostId): string | undefined {
    return aliveBootNonce(this.#state, hostId, this.#clock.monotonicMs());
  }

  heard(hostId: HostId, bootNonce: string): void {
    const pulse = { bootNonce, heardAtMs: this.#clock.monotonicMs(), nextIntervalMs: this.nextIntervalMs };
    this.#state = evolve(this.#state, { type: 'HeartbeatHeard', hostId, pulse });
  }

  /** To be called often; a long time between two calls means that this process stood still. */
  tick(isListening: boolean): readonly Verdict[] {
    const nowMs = this.#clock.monotonicMs();
    this.#state = evolve(this.#state, { type: 'ClockTicked', nowMs, isListening });
    return judge(this.#state, this.#directory.members(), nowMs);
  }
}
