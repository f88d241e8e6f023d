import type { HostId } from '@drover/contracts';
import type { LivenessState, Pulse } from './liveness.state.js';

/** Heartbeats a second that one ha-manager is meant to answer. */
const HEARTBEATS_PER_INTERVAL = 1000;

/** Longer in fleets of thousands, in whole steps. */
export function heartbeatIntervalMs(state: LivenessState, hostCount: number): number {
  return state.policy.heartbeatIntervalMs * Math.max(1, Math.ceil(hostCount / HEARTBEATS_PER_INTERVAL));
}

/**
 * Whether a heartbeat is a sign of life of the agent that registered.
 *
 * Another boot nonce than the last is not: the agent was started anew and has yet to register, or it runs on a clone of
 * the machine. Where nothing was heard before, the first one is believed: we were started after it registered.
 */
export function isOfRegisteredAgent(state: LivenessState, hostId: HostId, bootNonce: string): boolean {
  const pulse = state.pulses.get(hostId);
  return pulse === undefined || pulse.bootNonce === bootNonce;
}

/** The boot nonce of the agent that was heard within its lease; undefined where none was. */
export function aliveBootNonce(state: LivenessState, hostId: HostId, nowMs: number): string | undefined {
  const pulse = state.pulses.get(hostId);
  return pulse !== undefined && nowMs - pulse.heardAtMs < leaseMs(state, pulse) ? pulse.bootNonce : undefined;
}

export type Verdict =
  | { readonly kind: 'silent'; readonly hostId: HostId; readonly missedHeartbeats: number }
  | { readonly kind: 'back'; readonly hostId: HostId };

/**
 * Which hosts have fallen silent or are back.
 *
 * Silence is counted in heartbeats that should have come, from the last that did or from when we began to listen,
 * whichever is later. Half an interval is allowed for the way.
 *
 * @param members every registered host, and what the store says of it.
 */
export function judge(
  state: LivenessState,
  members: Iterable<{ readonly hostId: HostId; readonly isSuspected: boolean }>,
  nowMs: number,
): readonly Verdict[] {
  const { countsFromMs, policy } = state;
  if (countsFromMs === undefined) return [];
  const verdicts: Verdict[] = [];
  for (const { hostId, isSuspected } of members) {
    const pulse = state.pulses.get(hostId);
    if (isSuspected) {
      if (aliveBootNonce(state, hostId, nowMs) !== undefined) verdicts.push({ kind: 'back', hostId });
      continue;
    }
    const intervalMs = pulse?.nextIntervalMs ?? policy.heartbeatIntervalMs;
    const silentMs = nowMs - Math.max(countsFromMs, pulse?.heardAtMs ?? countsFromMs);
    const missedHeartbeats = Math.floor((silentMs - intervalMs / 2) / intervalMs);
    if (missedHeartbeats >= policy.missedUntilSuspected) verdicts.push({ kind: 'silent', hostId, missedHeartbeats });
  }
  return verdicts;
}

function leaseMs(state: LivenessState, pulse: Pulse): number {
  return state.policy.missedUntilSuspected * pulse.nextIntervalMs;
}
