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
    inventory,
    agent: agentOf(event),
    revision: event.revision,
    registeredAt: event.recordedAt,
    updatedAt: event.recordedAt,
  };
}

function applied(view: HostView, event: StoredHostEvent): HostView {
  switch (event.type) {
    case 'HostRegistered': {
      const { inventory, clusterId } = event.data;
      return { ...inventoried(view, inventory), cluster: clusterId, agent: agentOf(event) };
    }
    case 'HostInventoryChanged':
      return inventoried(view, event.data.inventory);
    case 'HostCordoned':
      return { ...view, cordon: { by: event.data.by, at: event.recordedAt } };
    case 'HostUncordoned':
      return { ...view, cordon: null };
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

function agentOf(event: Extract<StoredHostEvent, { type: 'HostRegistered' }>): HostView['agent'] {
  const { agentVersion, protocolVersion, capabilities, journalEpoch } = event.data;
  return { version: agentVersion, protocolVersion, capabilities, journalEpoch };
}
