import { kindOfStream, type StoredEvent } from '@drover/contracts';
import type { EventFilter } from './event-store.port.js';

export function letsThrough(filter: EventFilter | undefined, event: StoredEvent): boolean {
  if (filter?.types !== undefined && !filter.types.includes(event.type)) return false;
  return filter?.streamKinds === undefined || filter.streamKinds.includes(kindOfStream(event.stream));
}
