import type { ClusterId, HostFact, HostId, HostInventory } from '@drover/contracts';
import { assertNever } from '@drover/domain-kit';

/** A host that has registered. */
export interface RegisteredHost {
  readonly hostId: HostId;
  readonly clusterId: ClusterId;
  readonly inventory: HostInventory;
  readonly journalId: string;
  readonly journalEpoch: number;
  readonly agentVersion: string;
  readonly protocolVersion: number;
  readonly capabilities: readonly string[];
  /** Two reasons that come and go apart; either keeps new VMs away. */
  readonly isCordonedByUser: boolean;
  readonly isCordonedByProtocol: boolean;
  readonly isSuspected: boolean;
  /** Of the reports that changed something: older pairs change nothing. */
  readonly newestReport: { readonly journalEpoch: number; readonly sequence: number } | undefined;
}

/** Undefined before the first registration. */
export type HostState = RegisteredHost | undefined;

export function evolve(state: HostState, event: HostFact): HostState {
  if (event.type === 'HostRegistered') {
    return {
      ...event.data,
      isCordonedByUser: state?.isCordonedByUser ?? false,
      isCordonedByProtocol: state?.isCordonedByProtocol ?? false,
      isSuspected: state?.isSuspected ?? false,
      newestReport: state?.newestReport,
    };
  }
  if (state === undefined) return undefined;
  switch (event.type) {
    case 'HostInventoryChanged':
      return { ...state, inventory: event.data.inventory, newestReport: event.data.source ?? state.newestReport };
    case 'HostCordoned':
      return event.data.by === 'user' ? { ...state, isCordonedByUser: true } : { ...state, isCordonedByProtocol: true };
    case 'HostUncordoned':
      return { ...state, isCordonedByUser: false, isCordonedByProtocol: false };
    case 'HostSuspected':
      return { ...state, isSuspected: true };
    case 'HostReturned':
      return { ...state, isSuspected: false };
    default:
      return assertNever(event);
  }
}

export function isCordoned(host: RegisteredHost): boolean {
  return host.isCordonedByUser || host.isCordonedByProtocol;
}
