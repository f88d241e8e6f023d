import { Rejected, errors, comparePositions, streamKinds, type EventsQuery, type Position } from '@drover/contracts';
import { nearMiss } from '@drover/domain-kit';

const kinds = streamKinds.map(({ name }) => name as string);
const types = [...new Set(streamKinds.flatMap(({ events }) => Object.keys(events)))];

/** Refuses what no event can ever match: a filter by a word that does not exist would be silent for ever. */
export function refuseUnknownFilters(query: Pick<EventsQuery, 'kinds' | 'types'>): void {
  for (const kind of query.kinds ?? []) {
    if (!kinds.includes(kind)) refuseField('?kinds', `there is no stream kind ${kind}; there are ${kinds.join(', ')}`);
  }
  for (const type of query.types ?? []) {
    if (types.includes(type)) continue;
    const meant = nearMiss(type, types);
    refuseField('?types', `there is no event type ${type}${meant === undefined ? '' : `; did you mean ${meant}?`}`);
  }
}

/**
 * Refuses a position that the store did not give: one of another shape, or one behind the newest event. A client has such a
 * position where the store was restored or replaced since.
 *
 * @param field how the position is called to the client.
 */
export function refuseForeignPosition(position: Position, head: Position, field: string): void {
  const isOfThisStore = position === '0' || position.split('.').length === head.split('.').length;
  if (isOfThisStore && comparePositions(position, head) <= 0) return;
  const what = isOfThisStore ? `is beyond the newest event, ${head}` : `is no position of this store`;
  const remedy = 'the event store may have been restored or replaced; leave it out, or begin again from 0';
  refuseField(field, `${position} ${what}: ${remedy}`);
}

function refuseField(field: string, detail: string): never {
  throw new Rejected(errors.INVALID_FIELD(`${field}: ${detail}`, { field }), { fields: [{ field, detail }] });
}
