import type { HostId } from '@drover/contracts';
import type { Clock } from '@drover/domain-kit';
import { agentMayLiveMs, heartbeatIntervalMs, judge, type Verdict } from '../domain/liveness/liveness.policy.js';
import {
  evolve,
  initialLiveness,
  type LivenessPolicy,
  type LivenessState,
  type Pulse,
} from '../domain/liveness/liveness.state.js';
import type { HostDirectory } from './host-directory.state.js';

/** Of a heartbeat's interval: how much later than it could be a verdict may come. */
const JUDGED_PER_INTERVAL = 4;

/** The one place where this process keeps what it has heard of hosts. */
export class Liveness {
  readonly #policy: LivenessPolicy;
  readonly #clock: Clock;
  readonly #directory: HostDirectory;
  #state: LivenessState;
  #judgedAtMs = -Infinity;

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
    return heartbeatIntervalMs(this.#policy, this.#directory.size);
  }

  agentMayLiveMs(hostId: HostId): number {
    return agentMayLiveMs(this.#state, hostId, this.#directory.size, this.#clock.monotonicMs());
  }

  /** A heartbeat of the agent that is registered. */
  heard(hostId: HostId, hypervisorFault: string | undefined): void {
    const pulse = { ...this.#pulse(), hypervisor: { fault: hypervisorFault } };
    this.#state = evolve(this.#state, { type: 'HeartbeatHeard', hostId, pulse });
  }

  registered(hostId: HostId): void {
    this.#state = evolve(this.#state, { type: 'AgentRegistered', hostId, pulse: this.#pulse() });
  }

  refused(hostId: HostId, bootNonce: string): void {
    const nowMs = this.#clock.monotonicMs();
    this.#state = evolve(this.#state, { type: 'ContenderRefused', hostId, bootNonce, nowMs });
  }

  /** To be called often; a long time between two calls means that this process stood still. */
  tick(isListening: boolean): readonly Verdict[] {
    const nowMs = this.#clock.monotonicMs();
    this.#state = evolve(this.#state, { type: 'ClockTicked', nowMs, isListening });
    if (nowMs - this.#judgedAtMs < this.nextIntervalMs / JUDGED_PER_INTERVAL) return [];
    this.#judgedAtMs = nowMs;
    return judge(this.#state, this.#directory.members(), this.#directory.size, nowMs);
  }

  #pulse(): Pulse {
    return { heardAtMs: this.#clock.monotonicMs(), nextIntervalMs: this.nextIntervalMs };
  }
}
