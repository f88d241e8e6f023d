import type { HostId } from '@drover/contracts';
import { assertNever } from '@drover/domain-kit';
import { PersistentMap } from '@drover/fleet-model';

export interface LivenessPolicy {
  /** Between two heartbeats of a host, in fleets of up to a thousand. */
  readonly heartbeatIntervalMs: number;
  readonly missedUntilSuspected: number;
  /** After we began to listen: as long as agents may need to connect again. */
  readonly graceMs: number;
  /** A longer time between two ticks means that this process stood still and heard nothing in between. */
  readonly stallMs: number;
}

export const DEFAULT_LIVENESS: LivenessPolicy = {
  heartbeatIntervalMs: 1000,
  missedUntilSuspected: 3,
  graceMs: 10_000,
  stallMs: 2000,
};

/** The last sign of life of a host's agent. */
export interface Pulse {
  /** Which start of the agent it is from. */
  readonly bootNonce: string;
  readonly heardAtMs: number;
  /** When it was told to send the next one. */
  readonly nextIntervalMs: number;
}

/**
 * What this process has heard, on its own monotonic clock. Never stored and never carried over: a new ha-manager counts
 * every host from its own start (safety.md 26).
 */
export interface LivenessState {
  readonly policy: LivenessPolicy;
  readonly pulses: PersistentMap<HostId, Pulse>;
  /** Silence before this is not the hosts'; undefined while we cannot hear anybody. */
  readonly countsFromMs: number | undefined;
  readonly lastTickMs: number | undefined;
}

export type LivenessEvent =
  | { readonly type: 'HeartbeatHeard'; readonly hostId: HostId; readonly pulse: Pulse }
  /** `isListening`: connected, and the one that heartbeats are sent to. */
  | { readonly type: 'ClockTicked'; readonly nowMs: number; readonly isListening: boolean };

export function initialLiveness(policy: LivenessPolicy): LivenessState {
  return { policy, pulses: PersistentMap.empty(), countsFromMs: undefined, lastTickMs: undefined };
}

export function evolve(state: LivenessState, event: LivenessEvent): LivenessState {
  switch (event.type) {
    case 'HeartbeatHeard':
      return { ...state, pulses: state.pulses.set(event.hostId, event.pulse) };
    case 'ClockTicked':
      return { ...state, lastTickMs: event.nowMs, countsFromMs: countsFrom(state, event.nowMs, event.isListening) };
    default:
      return assertNever(event);
  }
}

/** Only time in which we could have heard a host counts against it; after each gap all begin anew. */
function countsFrom(state: LivenessState, nowMs: number, isListening: boolean): number | undefined {
  if (!isListening) return undefined;
  const hasStalled = state.lastTickMs !== undefined && nowMs - state.lastTickMs > state.policy.stallMs;
  return state.countsFromMs === undefined || hasStalled ? nowMs + state.policy.graceMs : state.countsFromMs;
}
