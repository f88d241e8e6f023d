import type { HostId } from '@drover/contracts';
import type { LivenessPolicy, LivenessState, Pulse } from './liveness.state.js';

/** Heartbeats in one `heartbeatIntervalMs` that the control plane is meant to answer: a small share of one core. */
const HEARTBEATS_PER_INTERVAL = 200;

/** A clone that was not refused for as long is gone. */
const CLONE_GONE_MS = 10 * 60_000;

/** Longer in larger fleets, in whole steps, so that an idle fleet costs the same whatever its size. */
export function heartbeatIntervalMs(policy: LivenessPolicy, hostCount: number): number {
  return policy.heartbeatIntervalMs * Math.max(1, Math.ceil(hostCount / HEARTBEATS_PER_INTERVAL));
}

/** Whether the agent that is registered was heard within its lease. */
export function isHeard(state: LivenessState, hostId: HostId, nowMs: number): boolean {
  const pulse = state.pulses.get(hostId);
  return pulse !== undefined && nowMs - pulse.heardAtMs < leaseMs(state, pulse.nextIntervalMs);
}

/**
 * How long the agent that registered last may still be alive for all that was heard; 0 once it has been silent for a whole
 * lease in which we could have heard it.
 *
 * A takeover, a cut connection or a stall of this process is no silence: a clone that speaks first after one of them must
 * not take the place of an agent that is alive (safety.md 14).
 */
export function agentMayLiveMs(state: LivenessState, hostId: HostId, hostCount: number, nowMs: number): number {
  const { countsFromMs, policy } = state;
  const pulse = state.pulses.get(hostId);
  const lease = leaseMs(state, pulse?.nextIntervalMs ?? heartbeatIntervalMs(policy, hostCount));
  if (countsFromMs === undefined) return policy.graceMs + lease;
  return Math.max(0, silentFromMs(pulse, countsFromMs) + lease - nowMs);
}

/** What the store says of a host, as far as it is compared with what is heard. */
export interface Member {
  readonly hostId: HostId;
  readonly isSuspected: boolean;
  readonly isHypervisorLost: boolean;
  readonly isCloned: boolean;
}

export type Verdict =
  | { readonly kind: 'silent'; readonly hostId: HostId; readonly missedHeartbeats: number }
  | { readonly kind: 'back'; readonly hostId: HostId }
  | { readonly kind: 'hypervisor-lost'; readonly hostId: HostId; readonly why: string }
  | { readonly kind: 'hypervisor-back'; readonly hostId: HostId }
  | { readonly kind: 'cloned'; readonly hostId: HostId; readonly bootNonce: string }
  | { readonly kind: 'clone-gone'; readonly hostId: HostId };

/**
 * Where the store does not say what is heard: hosts that have fallen silent or are back, hypervisors that cannot be heard or
 * can be again, machines that turned out to be cloned.
 *
 * Silence is counted in heartbeats that should have come, from the last that did or from when we began to listen,
 * whichever is later. Half an interval is allowed for the way.
 */
export function judge(
  state: LivenessState,
  members: Iterable<Member>,
  hostCount: number,
  nowMs: number,
): readonly Verdict[] {
  const { countsFromMs } = state;
  if (countsFromMs === undefined) return [];
  const fleetIntervalMs = heartbeatIntervalMs(state.policy, hostCount);
  const verdicts: Verdict[] = [];
  for (const member of members) {
    const pulse = state.pulses.get(member.hostId);
    const silence = judgeSilence(state, member, pulse, fleetIntervalMs, countsFromMs, nowMs);
    if (silence !== undefined) verdicts.push(silence);
    const hypervisor = judgeHypervisor(member, pulse?.hypervisor);
    if (hypervisor !== undefined) verdicts.push(hypervisor);
    const clone = judgeClone(state, member, countsFromMs, nowMs);
    if (clone !== undefined) verdicts.push(clone);
  }
  return verdicts;
}

function judgeSilence(
  state: LivenessState,
  { hostId, isSuspected }: Member,
  pulse: Pulse | undefined,
  fleetIntervalMs: number,
  countsFromMs: number,
  nowMs: number,
): Verdict | undefined {
  if (isSuspected) return isHeard(state, hostId, nowMs) ? { kind: 'back', hostId } : undefined;
  const intervalMs = pulse?.nextIntervalMs ?? fleetIntervalMs;
  const silentMs = nowMs - silentFromMs(pulse, countsFromMs);
  const missedHeartbeats = Math.floor((silentMs - intervalMs / 2) / intervalMs);
  return missedHeartbeats >= state.policy.missedUntilSuspected
    ? { kind: 'silent', hostId, missedHeartbeats }
    : undefined;
}

function judgeHypervisor({ hostId, isHypervisorLost }: Member, told: Pulse['hypervisor']): Verdict | undefined {
  if (told === undefined || (told.fault !== undefined) === isHypervisorLost) return undefined;
  return told.fault === undefined
    ? { kind: 'hypervisor-back', hostId }
    : { kind: 'hypervisor-lost', hostId, why: told.fault };
}

function judgeClone(
  state: LivenessState,
  { hostId, isCloned }: Member,
  countsFromMs: number,
  nowMs: number,
): Verdict | undefined {
  const contender = state.contenders.get(hostId);
  const quietMs = nowMs - Math.max(countsFromMs, contender?.lastRefusedAtMs ?? countsFromMs);
  if (isCloned) return quietMs > CLONE_GONE_MS ? { kind: 'clone-gone', hostId } : undefined;
  const isThere = contender?.isClone === true && quietMs <= CLONE_GONE_MS;
  return isThere ? { kind: 'cloned', hostId, bootNonce: contender.bootNonce } : undefined;
}

function silentFromMs(pulse: Pulse | undefined, countsFromMs: number): number {
  return Math.max(countsFromMs, pulse?.heardAtMs ?? countsFromMs);
}

function leaseMs(state: LivenessState, intervalMs: number): number {
  return state.policy.missedUntilSuspected * intervalMs;
}
