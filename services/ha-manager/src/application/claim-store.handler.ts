import {
  DEFAULT_CLUSTER,
  eventIdSchema,
  Fault,
  newestVersion,
  type ClusterFact,
  type FleetId,
  type StoredClusterEvent,
} from '@drover/contracts';
import { derivedId, evolveAll, type Clock } from '@drover/domain-kit';
import { clusterDecider } from '../domain/cluster/cluster.decider.js';
import type { EventLog } from './ports/event-log.port.js';

export const CLUSTER_STREAM = `cluster-${DEFAULT_CLUSTER}`;

export interface Claim {
  readonly fleetId: FleetId;
  readonly storeEpoch: number;
}

/**
 * Makes an empty store that of this fleet; throws `FLEET_MISMATCH` for a store of another one.
 *
 * Needs no lease: of two that come first at once, the store lets one through and the other reads what it wrote.
 */
export async function claimStore(store: EventLog, fleetId: FleetId, clock: Clock): Promise<Claim> {
  for (;;) {
    const events = (await store.read(CLUSTER_STREAM)) as readonly StoredClusterEvent[];
    const state = evolveAll(clusterDecider, events);
    const decision = clusterDecider.decide(state, { kind: 'ClaimStore', clusterId: DEFAULT_CLUSTER, fleetId });
    if (decision.kind === 'rejected') {
      const { code, detail, data } = decision.rejection;
      throw new Fault(code, 'not-applied', detail, data === undefined ? {} : { data });
    }
    if (decision.events.length === 0 && state !== undefined) return state;
    const at = new Date(clock.epochMs()).toISOString();
    const created = decision.events.map((fact: ClusterFact, index) => ({
      ...fact,
      id: eventIdSchema.parse(derivedId(fleetId, `cluster-created-${index}`)),
      schemaVersion: newestVersion(fact.type),
      meta: { at, actor: { kind: 'service' as const, id: 'ha-manager' } },
    }));
    await store.append(CLUSTER_STREAM, 'no-stream', created);
  }
}
