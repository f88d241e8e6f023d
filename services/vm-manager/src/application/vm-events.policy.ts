import { newEvents, type Origin } from '@drover/aggregate';
import type { Actor, EventId, NewVmEvent, VmFact } from '@drover/contracts';

export const vmManager: Actor = { kind: 'service', id: 'vm-manager' };

/** Facts as events to append. */
export function eventsOf(
  facts: readonly VmFact[],
  origin: Origin,
  idOf?: (fact: VmFact, index: number) => EventId,
): readonly NewVmEvent[] {
  return newEvents(facts, origin, idOf) as readonly NewVmEvent[];
}
