import type { HostView, StoredHostEvent } from '@drover/contracts';
import { assertNever } from '@drover/domain-kit';

/** The view after one more event of the host's stream; undefined while the host never registered. */
export function evolveHost(view: HostView | undefined, event: StoredHostEvent): HostView | undefined {
  const next = view === undefined ? registered(event) : applied(view, event);
  return next === undefined ? undefined : { ...next, revision: event.revision, updatedAt: event.recordedAt };
}

function registered(event: StoredHostEvent): HostView | undefined {
  if (event.type !== 'HostRegistered') return undefined;
  const { hostId, clusterId, inventory } = event.data;
  return {
    id: hostId,
    name: inventory.name,
    cluster: clusterId,
    liveness: { state: 'ALIVE', since: event.recordedAt },
    cordon: null,
    shutOut: null,
    zone: null,
    labels: {},
    hypervisorFault: null,
    clone: null,
    inventory,
    growth: null,
    agent: agentOf(event),
    revision: event.revision,
    registeredAt: event.recordedAt,
    updatedAt: event.recordedAt,
  };
}

function applied(view: HostView, event: StoredHostEvent): HostView {
  switch (event.type) {
    case 'HostRegistered': {
      return { ...inventoried(view, event.data.inventory), agent: agentOf(event) };
    }
    case 'HostInventoryChanged':
      return { ...inventoried(view, event.data.inventory), growth: growthOf(event) ?? view.growth };
    case 'HostLabelsChanged':
      return { ...view, labels: event.data.labels };
    case 'HostZoneChanged':
      return { ...view, zone: event.data.zone };
    case 'HostClusterChanged':
      return { ...view, cluster: event.data.clusterId };
    case 'HostHypervisorLost':
      return { ...view, hypervisorFault: { why: event.data.why, since: event.recordedAt } };
    case 'HostHypervisorReturned':
      return { ...view, hypervisorFault: null };
    case 'HostCloneRefused':
      return { ...view, clone: { since: event.recordedAt } };
    case 'HostCloneGone':
      return { ...view, clone: null };
    case 'HostRebooted':
    case 'HostAgentStarted':
    case 'HostAgentStopped':
      return view;
    case 'HostCordoned':
      return { ...view, cordon: { by: event.data.by, at: event.recordedAt } };
    case 'HostUncordoned':
      return { ...view, cordon: null };
    case 'HostCredentialsRevoked':
      return { ...view, shutOut: { at: event.recordedAt } };
    case 'HostReadmitted':
      return { ...view, shutOut: null };
    case 'HostSuspected':
      return { ...view, liveness: { state: 'SUSPECTED', since: event.recordedAt } };
    case 'HostReturned':
      return { ...view, liveness: { state: 'ALIVE', since: event.recordedAt } };
    default:
      return assertNever(event);
  }
}

function inventoried(view: HostView, inventory: HostView['inventory']): HostView {
  return { ...view, inventory, name: inventory.name };
}

function growthOf(event: Extract<StoredHostEvent, { type: 'HostInventoryChanged' }>): HostView['growth'] {
  const { grewFrom } = event.data;
  if (grewFrom === undefined) return null;
  return { at: event.recordedAt, cpuCountBefore: grewFrom.cpuCount, memoryMiBBefore: grewFrom.memoryMiB };
}

function agentOf(event: Extract<StoredHostEvent, { type: 'HostRegistered' }>): HostView['agent'] {
  const { agentVersion, protocolVersion, capabilities, journalEpoch } = event.data;
  return { version: agentVersion, protocolVersion, capabilities, journalEpoch };
}
