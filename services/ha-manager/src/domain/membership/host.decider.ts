import {
  DEFAULT_CLUSTER,
  HOST_PROTOCOL_VERSION,
  type FleetId,
  type HostFact,
  type HostId,
  type HostInventory,
  type HostLaneMessage,
  type Rejection,
  type ReportSource,
} from '@drover/contracts';
import { accept, assertNever, reject, type Decider, type Decision } from '@drover/domain-kit';
import { evolve, type HostState, type RegisteredHost } from './host.state.js';
import { isSameInventory } from './inventory.policy.js';

export type Registration = Omit<Extract<HostLaneMessage, { readonly kind: 'register' }>, 'kind'>;

export type HostCommand =
  | {
      readonly kind: 'RegisterHost';
      readonly registration: Registration;
      /** The fleet that the store belongs to. */
      readonly fleetId: FleetId;
      /** Boot nonce of the agent with this host id that is alive, if one is. */
      readonly aliveBootNonce: string | undefined;
    }
  | {
      readonly kind: 'TakeInventory';
      readonly hostId: HostId;
      readonly journalEpoch: number;
      readonly sequence: number;
      readonly inventory: HostInventory;
    }
  | { readonly kind: 'CordonHost'; readonly hostId: HostId }
  | { readonly kind: 'UncordonHost'; readonly hostId: HostId }
  | { readonly kind: 'SuspectHost'; readonly hostId: HostId; readonly missedHeartbeats: number }
  | { readonly kind: 'ReturnHost'; readonly hostId: HostId };

type RegisterHost = Extract<HostCommand, { readonly kind: 'RegisterHost' }>;
type TakeInventory = Extract<HostCommand, { readonly kind: 'TakeInventory' }>;

/** Who belongs to the fleet, and whether it may be given VMs. One stream per host. */
export const hostDecider: Decider<HostState, HostCommand, HostFact, Rejection> = {
  initialState: undefined,
  decide,
  evolve,
};

function decide(state: HostState, command: HostCommand): Decision<HostFact, Rejection> {
  if (command.kind === 'RegisterHost') return decideRegister(state, command);
  if (state === undefined) {
    return reject({ code: 'HOST_NOT_FOUND', detail: `host ${command.hostId} has not registered` });
  }
  const { hostId } = command;
  switch (command.kind) {
    case 'TakeInventory':
      return decideInventory(state, command);
    case 'CordonHost':
      return state.isCordonedByUser ? accept() : accept({ type: 'HostCordoned', data: { hostId, by: 'user' } });
    case 'UncordonHost':
      return decideUncordon(state);
    case 'SuspectHost':
      if (state.isSuspected) return accept();
      return accept({ type: 'HostSuspected', data: { hostId, missedHeartbeats: command.missedHeartbeats } });
    case 'ReturnHost':
      return state.isSuspected ? accept({ type: 'HostReturned', data: { hostId } }) : accept();
    default:
      return assertNever(command);
  }
}

/** N and N-1 work together (safety.md 24). */
export function isKnownProtocol(version: number): boolean {
  return version === HOST_PROTOCOL_VERSION || version === HOST_PROTOCOL_VERSION - 1;
}

function decideRegister(state: HostState, command: RegisterHost): Decision<HostFact, Rejection> {
  const { registration, fleetId, aliveBootNonce } = command;
  const { hostId, bootNonce, journalId, inventory, agentVersion, protocolVersion, capabilities } = registration;
  if (registration.fleetId !== undefined && registration.fleetId !== fleetId) {
    return reject({
      code: 'FLEET_MISMATCH',
      detail: `host ${hostId} belongs to fleet ${registration.fleetId}, this is fleet ${fleetId}`,
      data: { hostFleetId: registration.fleetId, fleetId },
    });
  }
  if (aliveBootNonce !== undefined && aliveBootNonce !== bootNonce) {
    // A cloned machine, or an agent that was just started anew: only the silence of the other one tells them apart.
    return reject({
      code: 'HOST_ID_IN_USE',
      detail: `an agent with host id ${hostId} and another boot nonce answered a moment ago`,
      data: { hostId },
    });
  }
  const isNewJournal = state?.journalId !== journalId || isOlderCopy(state, registration);
  const journalEpoch = (state?.journalEpoch ?? 0) + (isNewJournal ? 1 : 0);
  const isOtherAgent =
    state?.agentVersion !== agentVersion ||
    state.protocolVersion !== protocolVersion ||
    state.capabilities.join('\n') !== capabilities.join('\n');
  const events: HostFact[] = [];
  if (isNewJournal || isOtherAgent) {
    events.push({
      type: 'HostRegistered',
      data: {
        hostId,
        clusterId: state?.clusterId ?? DEFAULT_CLUSTER,
        inventory,
        journalId,
        journalEpoch,
        agentVersion,
        protocolVersion,
        capabilities,
      },
    });
  }
  const source = newerSource(state, registration, journalEpoch);
  // Recorded also where nothing changed: copies of older reports may be on their way, and must change nothing.
  if (source !== undefined) events.push({ type: 'HostInventoryChanged', data: { hostId, inventory, source } });
  else if (events.length === 0 && state !== undefined && !isSameInventory(state.inventory, inventory)) {
    events.push({ type: 'HostInventoryChanged', data: { hostId, inventory } });
  }
  return accept(...events, ...protocolCordon(state, hostId, isKnownProtocol(protocolVersion)));
}

/** The journal was restored: it does not know of a report that was heard from it. */
function isOlderCopy({ journalEpoch, newestReport }: RegisteredHost, { lastSequence }: Registration): boolean {
  if (lastSequence === undefined || newestReport?.journalEpoch !== journalEpoch) return false;
  return lastSequence < newestReport.sequence;
}

/** The newest report that waits at the host and that its registration has overtaken. */
function newerSource(
  state: HostState,
  { hostId, reportsThrough: sequence }: Registration,
  journalEpoch: number,
): ReportSource | undefined {
  if (sequence === undefined) return undefined;
  const newest = state?.newestReport;
  const isKnown = newest?.journalEpoch === journalEpoch && sequence <= newest.sequence;
  return isKnown ? undefined : { hostId, journalEpoch, sequence };
}

/** An agent that may not understand its commands gets no new VMs; those it has are left alone. */
function protocolCordon(state: HostState, hostId: HostId, isKnown: boolean): HostFact[] {
  const isCordonedByProtocol = state?.isCordonedByProtocol ?? false;
  if (isKnown !== isCordonedByProtocol) return [];
  if (!isKnown) return [{ type: 'HostCordoned', data: { hostId, by: 'protocol' } }];
  const uncordoned: HostFact = { type: 'HostUncordoned', data: { hostId } };
  // Uncordoning lifts every cordon; the user's own stays until he lifts it.
  return state?.isCordonedByUser === true
    ? [uncordoned, { type: 'HostCordoned', data: { hostId, by: 'user' } }]
    : [uncordoned];
}

function decideUncordon(state: RegisteredHost): Decision<HostFact, Rejection> {
  const { hostId, protocolVersion } = state;
  if (state.isCordonedByProtocol) {
    return reject({
      code: 'HOST_WRONG_STATE',
      detail: `the agent of host ${hostId} speaks protocol ${protocolVersion}, known are ${HOST_PROTOCOL_VERSION - 1} and ${HOST_PROTOCOL_VERSION}; update one of them and the cordon lifts itself`,
      data: { protocolVersion },
    });
  }
  return state.isCordonedByUser ? accept({ type: 'HostUncordoned', data: { hostId } }) : accept();
}

function decideInventory(state: RegisteredHost, command: TakeInventory): Decision<HostFact, Rejection> {
  const { hostId, journalEpoch, sequence, inventory } = command;
  if (journalEpoch > state.journalEpoch) {
    return reject({
      code: 'HOST_WRONG_STATE',
      detail: `host ${hostId} has journal epoch ${state.journalEpoch}, not ${journalEpoch}; register first`,
      data: { journalEpoch: state.journalEpoch },
    });
  }
  const newest = state.newestReport ?? { journalEpoch: 0, sequence: 0 };
  const isOlder =
    journalEpoch < state.journalEpoch || (journalEpoch === newest.journalEpoch && sequence <= newest.sequence);
  if (isOlder || isSameInventory(state.inventory, inventory)) return accept();
  return accept({
    type: 'HostInventoryChanged',
    data: { hostId, inventory, source: { hostId, journalEpoch, sequence } },
  });
}
