import {
  isKnownEvent,
  kindOfStream,
  straysKind,
  streamSubjectId,
  type HostStrays,
  type StoredEvent,
  type StoredStraysEvent,
  type StrayListQuery,
} from '@drover/contracts';
import { STRAYS } from '../../application/ports/fleet-reads.port.js';
import { defineResource } from '../resource/resource.js';
import { countOf, evolveStrays } from './strays-view.state.js';

export const straysResource = defineResource<HostStrays, StrayListQuery>({
  key: STRAYS,
  kinds: [straysKind.name],
  revision: 1,
  idOf: (event) => (isStraysEvent(event) ? streamSubjectId(event.stream) : undefined),
  evolve: (view, event) => (isStraysEvent(event) ? evolveStrays(view, event) : view),
  isUnknown: (event) => !isKnownEvent(event),
  columns: { count: { type: 'bigint', of: countOf } },
  indexes: {},
  order: { columns: ['id'] },
  filters: {},
});

function isStraysEvent(event: StoredEvent): event is StoredStraysEvent {
  return kindOfStream(event.stream) === straysKind.name && isKnownEvent(event);
}
