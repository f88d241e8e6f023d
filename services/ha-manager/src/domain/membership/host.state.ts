import type { ClusterId, HostFact, HostId, HostInventory } from '@drover/contracts';
import { assertNever } from '@drover/domain-kit';
import { inventoryDigest } from '@drover/fleet-model';

/** A host that has registered. Of its inventory, what decisions need: thousands of whole ones would fill the memory. */
export interface RegisteredHost {
  readonly hostId: HostId;
  readonly inventory: { readonly digest: string; readonly cpuCount: number; readonly memoryMiB: number };
  readonly journalId: string;
  readonly journalEpoch: number;
  readonly agentVersion: string;
  readonly protocolVersion: number;
  readonly capabilities: readonly string[];
  /** The agent that registered last. `hasLeft`: it said that it ended. */
  readonly agent: { readonly bootNonce: string; readonly hasLeft: boolean };
  /** Of its kernel; undefined where no agent has told it. */
  readonly hostBootId: string | undefined;
  /** A second machine with its id is refused. */
  readonly isCloned: boolean;
  /** The operator's word. */
  readonly clusterId: ClusterId;
  readonly zone: string | null;
  readonly labels: Readonly<Record<string, string>>;
  /** Two reasons that come and go apart; either keeps new VMs away. */
  readonly isCordonedByUser: boolean;
  readonly isCordonedByProtocol: boolean;
  /** Its credentials are revoked, by an operator. */
  readonly isShutOut: boolean;
  readonly isSuspected: boolean;
  readonly isHypervisorLost: boolean;
  /** Of the reports that changed something: older pairs change nothing. */
  readonly newestReport: { readonly journalEpoch: number; readonly sequence: number } | undefined;
}

/** Undefined before the first registration. */
export type HostState = RegisteredHost | undefined;

export function evolve(state: HostState, event: HostFact): HostState {
  if (event.type === 'HostRegistered') return registered(state, event.data);
  if (state === undefined) return undefined;
  switch (event.type) {
    case 'HostRebooted':
      return { ...state, hostBootId: event.data.hostBootId };
    case 'HostAgentStarted':
      return { ...state, agent: { bootNonce: event.data.bootNonce, hasLeft: false } };
    case 'HostAgentStopped':
      return { ...state, agent: { bootNonce: event.data.bootNonce, hasLeft: true } };
    case 'HostCloneRefused':
      return { ...state, isCloned: true };
    case 'HostCloneGone':
      return { ...state, isCloned: false };
    case 'HostInventoryChanged':
      return {
        ...state,
        inventory: remembered(event.data.inventory),
        newestReport: event.data.source ?? state.newestReport,
      };
    case 'HostLabelsChanged':
      return { ...state, labels: event.data.labels };
    case 'HostZoneChanged':
      return { ...state, zone: event.data.zone };
    case 'HostClusterChanged':
      return { ...state, clusterId: event.data.clusterId };
    case 'HostCordoned':
      return event.data.by === 'user' ? { ...state, isCordonedByUser: true } : { ...state, isCordonedByProtocol: true };
    case 'HostUncordoned':
      return { ...state, isCordonedByUser: false, isCordonedByProtocol: false };
    case 'HostCredentialsRevoked':
      return { ...state, isShutOut: true };
    case 'HostReadmitted':
      return { ...state, isShutOut: false };
    case 'HostSuspected':
      return { ...state, isSuspected: true };
    case 'HostReturned':
      return { ...state, isSuspected: false };
    case 'HostHypervisorLost':
      return { ...state, isHypervisorLost: true };
    case 'HostHypervisorReturned':
      return { ...state, isHypervisorLost: false };
    default:
      return assertNever(event);
  }
}

export function isCordoned(host: RegisteredHost): boolean {
  return host.isCordonedByUser || host.isCordonedByProtocol;
}

/** Registering again changes what the host says of itself, and nothing that an operator or we said of it. */
function registered(
  state: HostState,
  data: Extract<HostFact, { readonly type: 'HostRegistered' }>['data'],
): RegisteredHost {
  const { inventory, bootNonce, hostId, journalId, journalEpoch, agentVersion, protocolVersion, capabilities } = data;
  return {
    clusterId: data.clusterId,
    zone: null,
    labels: {},
    isCloned: false,
    isCordonedByUser: false,
    isCordonedByProtocol: false,
    isShutOut: false,
    isSuspected: false,
    isHypervisorLost: false,
    newestReport: undefined,
    ...state,
    hostId,
    journalId,
    journalEpoch,
    agentVersion,
    protocolVersion,
    capabilities,
    inventory: remembered(inventory),
    agent: { bootNonce, hasLeft: false },
    hostBootId: data.hostBootId ?? state?.hostBootId,
  };
}

function remembered(inventory: HostInventory): RegisteredHost['inventory'] {
  return { digest: inventoryDigest(inventory), cpuCount: inventory.cpu.count, memoryMiB: inventory.memoryMiB };
}
