import {
  DEFAULT_CLUSTER,
  eventIdSchema,
  Fault,
  newestVersion,
  type NewEvent,
  type StoredClusterEvent,
} from '@drover/contracts';
import { evolveAll, newId, type Clock } from '@drover/domain-kit';
import { clusterDecider } from '../domain/cluster/cluster.decider.js';
import { CLUSTER_STREAM } from './claim-store.handler.js';
import type { EventLog } from './ports/event-log.port.js';

/**
 * Begins the term of an ha-manager that has become active, and resolves to its number, which is higher than any before and
 * that of no other; undefined once `holds` says that it is active no more. Faults are `STORE_UNAVAILABLE`.
 */
export async function beginTerm(store: EventLog, clock: Clock, holds: () => boolean): Promise<number | undefined> {
  while (holds()) {
    const events = (await store.read(CLUSTER_STREAM)) as readonly StoredClusterEvent[];
    const decision = clusterDecider.decide(evolveAll(clusterDecider, events), {
      kind: 'BeginTerm',
      clusterId: DEFAULT_CLUSTER,
    });
    if (decision.kind === 'rejected')
      throw new Fault(decision.rejection.code, 'not-applied', decision.rejection.detail);
    const begun = decision.events.map((fact): NewEvent => {
      const meta = {
        at: new Date(clock.epochMs()).toISOString(),
        actor: { kind: 'service' as const, id: 'ha-manager' },
      };
      // Not derived: two that begin at once would have the same id, and each be told that it had appended.
      const id = eventIdSchema.parse(newId(clock.epochMs()));
      return { ...fact, id, schemaVersion: newestVersion(fact.type), meta };
    });
    const result = await store.append(CLUSTER_STREAM, events.length - 1, begun);
    const [first] = decision.events;
    if (result.kind === 'appended' && first?.type === 'ClusterTermBegan') return first.data.term;
  }
  return undefined;
}
