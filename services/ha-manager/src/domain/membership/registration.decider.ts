import {
  errors,
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
import { accept, reject, type Decision } from '@drover/domain-kit';
import type { HostState, RegisteredHost } from './host.state.js';
import { inventoryFacts } from './inventory.policy.js';

type RegisterMessage = Omit<Extract<HostLaneMessage, { readonly kind: 'register' }>, 'kind'>;

/** A registration with all that it needs: see `needsInventory`. */
export type Registration = RegisterMessage;

export interface RegisterHost {
  readonly kind: 'RegisterHost';
  readonly registration: Registration;
  /** The fleet that the store belongs to. */
  readonly fleetId: FleetId;
  /** How long the agent that registered last may still be alive for all that we have heard; 0: its silence is proven. */
  readonly agentMayLiveMs: number;
}

/**
 * Whether the registration has to come again with the inventory. An agent that only came back, or was started anew, tells
 * its digest; so a fleet that connects again at once sends and checks a few hundred bytes a host.
 */
export function needsInventory(state: HostState, registration: Registration): boolean {
  if (registration.inventory !== undefined) return false;
  if (state === undefined || isNewJournal(state, registration) || isOtherAgent(state, registration)) return true;
  const { inventoryDigest } = registration;
  return inventoryDigest !== undefined && inventoryDigest !== state.inventory.digest;
}

export function decideRegister(state: HostState, command: RegisterHost): Decision<HostFact, Rejection> {
  const { registration } = command;
  const refusal = refusalOf(state, command);
  if (refusal !== undefined) return reject(refusal);
  const { hostId, bootNonce, inventory } = registration;
  const journalEpoch = (state?.journalEpoch ?? 0) + (isNewJournal(state, registration) ? 1 : 0);
  const events: HostFact[] = [...rebooted(state, registration)];
  if (inventory !== undefined && (isNewJournal(state, registration) || isOtherAgent(state, registration))) {
    events.push(registered(state, registration, inventory, journalEpoch));
  } else if (state !== undefined && (state.agent.bootNonce !== bootNonce || state.agent.hasLeft)) {
    events.push({ type: 'HostAgentStarted', data: { hostId, bootNonce } });
  }
  if (inventory !== undefined) {
    // Recorded also where nothing changed: copies of older reports may be on their way, and must change nothing.
    const source = newerSource(state, registration, journalEpoch);
    const isTold = events.some(({ type }) => type === 'HostRegistered');
    if (source !== undefined || !isTold) events.push(...inventoryFacts(state, hostId, inventory, source));
  }
  return accept(...events, ...protocolCordon(state, hostId, isKnownProtocol(registration.protocolVersion)));
}

/** N and N-1 work together (safety.md 24). */
export function isKnownProtocol(version: number): boolean {
  return version === HOST_PROTOCOL_VERSION || version === HOST_PROTOCOL_VERSION - 1;
}

function refusalOf(state: HostState, command: RegisterHost): Rejection | undefined {
  const { registration, fleetId, agentMayLiveMs } = command;
  const { hostId, bootNonce } = registration;
  if (registration.fleetId !== undefined && registration.fleetId !== fleetId) {
    return errors.FLEET_MISMATCH(`host ${hostId} belongs to fleet ${registration.fleetId}, this is fleet ${fleetId}`, {
      data: { hostFleetId: registration.fleetId, fleetId },
    });
  }
  if (state !== undefined && state.agent.bootNonce !== bootNonce && !state.agent.hasLeft && agentMayLiveMs > 0) {
    // A cloned machine, or an agent that was just started anew: only the silence of the other one tells them apart.
    return errors.HOST_ID_IN_USE(
      `another agent registered with host id ${hostId} and may still be alive; try again in ${agentMayLiveMs} ms`,
      { data: { hostId, retryAfterMs: agentMayLiveMs } },
    );
  }
  if (state !== undefined && isOlderCopy(state, registration)) {
    // Under an epoch that we counted on by ourselves, the agent would send again what the copy still has to report, as new.
    return errors.JOURNAL_OUTDATED(
      `report ${state.newestReport?.sequence} was heard, and the journal goes to ${registration.lastSequence}; begin a new journal and register it`,
    );
  }
  return undefined;
}

function isNewJournal(state: HostState, registration: Registration): boolean {
  return state?.journalId !== registration.journalId;
}

/** The journal was restored: it does not know of a report that was heard from it. */
function isOlderCopy({ journalId, journalEpoch, newestReport }: RegisteredHost, registration: Registration): boolean {
  const { lastSequence } = registration;
  if (journalId !== registration.journalId || lastSequence === undefined) return false;
  return newestReport?.journalEpoch === journalEpoch && lastSequence < newestReport.sequence;
}

function isOtherAgent(state: HostState, { agentVersion, protocolVersion, capabilities }: Registration): boolean {
  return (
    state?.agentVersion !== agentVersion ||
    state.protocolVersion !== protocolVersion ||
    state.capabilities.join('\n') !== capabilities.join('\n')
  );
}

function registered(
  state: HostState,
  { hostId, bootNonce, hostBootId, journalId, agentVersion, protocolVersion, capabilities }: Registration,
  inventory: HostInventory,
  journalEpoch: number,
): HostFact {
  return {
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
      bootNonce,
      ...(hostBootId === undefined ? {} : { hostBootId }),
    },
  };
}

/** By the kernel's own word: a machine that is quick may have missed no heartbeat. */
function rebooted(state: HostState, { hostId, hostBootId }: Registration): HostFact[] {
  const known = state?.hostBootId;
  if (known === undefined || hostBootId === undefined || known === hostBootId) return [];
  return [{ type: 'HostRebooted', data: { hostId, hostBootId } }];
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
