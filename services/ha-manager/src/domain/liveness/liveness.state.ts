import type { HostId } from '@drover/contracts';
import { assertNever } from '@drover/domain-kit';
import { PersistentMap } from '@drover/fleet-model';

export interface LivenessPolicy {
  /** Between two heartbeats of a host, in small fleets. */
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

/** The last sign of life of the agent that is registered. */
export interface Pulse {
  readonly heardAtMs: number;
  /** When it was told to send the next one. */
  readonly nextIntervalMs: number;
  /** What its newest heartbeat said; absent where it has only registered so far. */
  readonly hypervisor?: { readonly fault: string | undefined } | undefined;
}

/** A second agent with a host's id that was refused: restarted just now, or on a clone of the machine. */
export interface Contender {
  readonly bootNonce: string;
  readonly firstRefusedAtMs: number;
  readonly lastRefusedAtMs: number;
  /** The registered agent was heard long after the first refusal: there are two of them. */
  readonly isClone: boolean;
}

/**
 * What this process has heard, on its own monotonic clock. Never stored and never carried over: a new ha-manager counts
 * every host from its own start (safety.md 26). Which agent is the registered one stands in the host's stream.
 */
export interface LivenessState {
  readonly policy: LivenessPolicy;
  readonly pulses: PersistentMap<HostId, Pulse>;
  readonly contenders: PersistentMap<HostId, Contender>;
  /** Silence before this is not the hosts'; undefined while we cannot hear anybody. */
  readonly countsFromMs: number | undefined;
  readonly lastTickMs: number | undefined;
}

export type LivenessEvent =
  | { readonly type: 'HeartbeatHeard'; readonly hostId: HostId; readonly pulse: Pulse }
  | { readonly type: 'AgentRegistered'; readonly hostId: HostId; readonly pulse: Pulse }
  | { readonly type: 'ContenderRefused'; readonly hostId: HostId; readonly bootNonce: string; readonly nowMs: number }
  /** `isListening`: connected, and the one that heartbeats are sent to. */
  | { readonly type: 'ClockTicked'; readonly nowMs: number; readonly isListening: boolean };

export function initialLiveness(policy: LivenessPolicy): LivenessState {
  return {
    policy,
    pulses: PersistentMap.empty(),
    contenders: PersistentMap.empty(),
    countsFromMs: undefined,
    lastTickMs: undefined,
  };
}

export function evolve(state: LivenessState, event: LivenessEvent): LivenessState {
  switch (event.type) {
    case 'HeartbeatHeard':
      return withContenderJudged({ ...state, pulses: state.pulses.set(event.hostId, event.pulse) }, event);
    case 'AgentRegistered':
      return {
        ...state,
        pulses: state.pulses.set(event.hostId, {
          ...event.pulse,
          hypervisor: state.pulses.get(event.hostId)?.hypervisor,
        }),
        contenders: state.contenders.delete(event.hostId),
      };
    case 'ContenderRefused':
      return { ...state, contenders: state.contenders.set(event.hostId, contenderAfter(state, event)) };
    case 'ClockTicked':
      return { ...state, lastTickMs: event.nowMs, countsFromMs: countsFrom(state, event.nowMs, event.isListening) };
    default:
      return assertNever(event);
  }
}

function contenderAfter(
  state: LivenessState,
  { hostId, bootNonce, nowMs }: Extract<LivenessEvent, { readonly type: 'ContenderRefused' }>,
): Contender {
  const known = state.contenders.get(hostId);
  if (known?.bootNonce === bootNonce) return { ...known, lastRefusedAtMs: nowMs };
  return { bootNonce, firstRefusedAtMs: nowMs, lastRefusedAtMs: nowMs, isClone: false };
}

/** A heartbeat that was on its way when the old agent was ended does not make a clone of the new one. */
function withContenderJudged(state: LivenessState, { hostId, pulse }: { hostId: HostId; pulse: Pulse }): LivenessState {
  const contender = state.contenders.get(hostId);
  if (contender === undefined || contender.isClone) return state;
  if (pulse.heardAtMs - contender.firstRefusedAtMs <= pulse.nextIntervalMs) return state;
  return { ...state, contenders: state.contenders.set(hostId, { ...contender, isClone: true }) };
}

/** Only time in which we could have heard a host counts against it; after each gap all begin anew. */
function countsFrom(state: LivenessState, nowMs: number, isListening: boolean): number | undefined {
  if (!isListening) return undefined;
  const hasStalled = state.lastTickMs !== undefined && nowMs - state.lastTickMs > state.policy.stallMs;
  return state.countsFromMs === undefined || hasStalled ? nowMs + state.policy.graceMs : state.countsFromMs;
}
