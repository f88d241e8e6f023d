import {
  errors,
  HOST_PROTOCOL_VERSION,
  type HostFact,
  type HostId,
  type HostInventory,
  type HostWish,
  type Rejection,
} from '@drover/contracts';
import { accept, assertNever, reject, type Decider, type Decision } from '@drover/domain-kit';
import { evolve, type HostState, type RegisteredHost } from './host.state.js';
import { inventoryFacts } from './inventory.policy.js';
import { decideRegister, type RegisterHost } from './registration.decider.js';

/** What an operator says of it, whatever the command says besides. */
type OperatorsWord = HostWish & { readonly hostId: HostId };

export type MembershipCommand =
  | RegisterHost
  | {
      readonly kind: 'TakeInventory';
      readonly hostId: HostId;
      readonly journalEpoch: number;
      readonly sequence: number;
      readonly inventory: HostInventory;
    }
  | { readonly kind: 'LeaveHost'; readonly hostId: HostId; readonly bootNonce: string }
  | OperatorsWord
  | { readonly kind: 'SuspectHost'; readonly hostId: HostId; readonly missedHeartbeats: number }
  | { readonly kind: 'ReturnHost'; readonly hostId: HostId }
  | { readonly kind: 'LoseHypervisor'; readonly hostId: HostId; readonly why: string }
  | { readonly kind: 'ReturnHypervisor'; readonly hostId: HostId }
  | { readonly kind: 'RefuseClone'; readonly hostId: HostId; readonly bootNonce: string }
  | { readonly kind: 'ForgetClone'; readonly hostId: HostId };

type TakeInventory = Extract<MembershipCommand, { readonly kind: 'TakeInventory' }>;
type LabelHost = Extract<MembershipCommand, { readonly kind: 'label' }>;

/** As many as one `labels` field holds. */
const MAX_LABELS = 64;

/** Who belongs to the fleet, and whether it may be given VMs. One stream per host. */
export const hostDecider: Decider<HostState, MembershipCommand, HostFact, Rejection> = {
  initialState: undefined,
  decide,
  evolve,
};

function decide(state: HostState, command: MembershipCommand): Decision<HostFact, Rejection> {
  if (command.kind === 'RegisterHost') return decideRegister(state, command);
  if (state === undefined) {
    return reject(errors.HOST_NOT_FOUND(`host ${command.hostId} has not registered`));
  }
  const { hostId } = command;
  switch (command.kind) {
    case 'TakeInventory':
      return decideInventory(state, command);
    case 'LeaveHost':
      // Of an agent that is not the registered one it says nothing.
      return state.agent.hasLeft || state.agent.bootNonce !== command.bootNonce
        ? accept()
        : accept({ type: 'HostAgentStopped', data: { hostId, bootNonce: command.bootNonce } });
    case 'cordon':
      return state.isCordonedByUser ? accept() : accept({ type: 'HostCordoned', data: { hostId, by: 'user' } });
    case 'uncordon':
      return decideUncordon(state);
    case 'label':
      return decideLabels(state, command);
    case 'zone':
      return state.zone === command.zone
        ? accept()
        : accept({ type: 'HostZoneChanged', data: { hostId, zone: command.zone } });
    case 'cluster':
      return state.clusterId === command.cluster
        ? accept()
        : accept({ type: 'HostClusterChanged', data: { hostId, clusterId: command.cluster } });
    case 'revoke':
      return state.isShutOut ? accept() : accept({ type: 'HostCredentialsRevoked', data: { hostId } });
    case 'readmit':
      return state.isShutOut ? accept({ type: 'HostReadmitted', data: { hostId } }) : accept();
    case 'SuspectHost':
      if (state.isSuspected) return accept();
      return accept({ type: 'HostSuspected', data: { hostId, missedHeartbeats: command.missedHeartbeats } });
    case 'ReturnHost':
      return state.isSuspected ? accept({ type: 'HostReturned', data: { hostId } }) : accept();
    case 'LoseHypervisor':
      return state.isHypervisorLost
        ? accept()
        : accept({ type: 'HostHypervisorLost', data: { hostId, why: command.why } });
    case 'ReturnHypervisor':
      return state.isHypervisorLost ? accept({ type: 'HostHypervisorReturned', data: { hostId } }) : accept();
    case 'RefuseClone':
      return state.isCloned
        ? accept()
        : accept({ type: 'HostCloneRefused', data: { hostId, bootNonce: command.bootNonce } });
    case 'ForgetClone':
      return state.isCloned ? accept({ type: 'HostCloneGone', data: { hostId } }) : accept();
    default:
      return assertNever(command);
  }
}

function decideUncordon(state: RegisteredHost): Decision<HostFact, Rejection> {
  const { hostId, protocolVersion } = state;
  if (state.isCordonedByProtocol) {
    return reject(
      errors.HOST_WRONG_STATE(
        `the agent of host ${hostId} speaks protocol ${protocolVersion}, known are ${HOST_PROTOCOL_VERSION - 1} and ${HOST_PROTOCOL_VERSION}; update one of them and the cordon lifts itself`,
        { data: { protocolVersion } },
      ),
    );
  }
  return state.isCordonedByUser ? accept({ type: 'HostUncordoned', data: { hostId } }) : accept();
}

function decideLabels(state: RegisteredHost, { hostId, set, remove }: LabelHost): Decision<HostFact, Rejection> {
  const both = remove.find((key) => Object.hasOwn(set, key));
  if (both !== undefined) {
    return reject(errors.INVALID_FIELD(`label ${both} is both set and taken away`, { field: '/remove' }));
  }
  const kept = Object.entries(state.labels).filter(([key]) => !remove.includes(key));
  const labels = { ...Object.fromEntries(kept), ...set };
  if (Object.keys(labels).length > MAX_LABELS) {
    return reject(errors.INVALID_FIELD(`a host has at most ${MAX_LABELS} labels`, { field: '/set' }));
  }
  const isSame =
    Object.keys(labels).length === Object.keys(state.labels).length &&
    Object.entries(labels).every(([key, value]) => state.labels[key] === value);
  return isSame ? accept() : accept({ type: 'HostLabelsChanged', data: { hostId, labels } });
}

function decideInventory(state: RegisteredHost, command: TakeInventory): Decision<HostFact, Rejection> {
  const { hostId, journalEpoch, sequence, inventory } = command;
  if (journalEpoch > state.journalEpoch) {
    return reject(
      errors.HOST_WRONG_STATE(
        `host ${hostId} has journal epoch ${state.journalEpoch}, not ${journalEpoch}; register first`,
        { data: { journalEpoch: state.journalEpoch } },
      ),
    );
  }
  const newest = state.newestReport ?? { journalEpoch: 0, sequence: 0 };
  const isOlder =
    journalEpoch < state.journalEpoch || (journalEpoch === newest.journalEpoch && sequence <= newest.sequence);
  if (isOlder || inventoryFacts(state, hostId, inventory, undefined).length === 0) return accept();
  return accept(...inventoryFacts(state, hostId, inventory, { hostId, journalEpoch, sequence }));
}
