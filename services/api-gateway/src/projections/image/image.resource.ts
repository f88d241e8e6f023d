import {
  imageKind,
  isKnownEvent,
  kindOfStream,
  streamSubjectId,
  type ImageListQuery,
  type ImageView,
  type StoredEvent,
  type StoredImageEvent,
} from '@drover/contracts';
import { IMAGES } from '../../application/ports/fleet-reads.port.js';
import { defineResource, equals } from '../resource/resource.js';
import { evolveImage } from './image-view.state.js';

/** Deleted images stay, so that their operations have a name; lists and names leave them out. */
export const imageResource = defineResource<ImageView, ImageListQuery>({
  key: IMAGES,
  kinds: [imageKind.name],
  revision: 1,
  idOf: (event) => (isImageEvent(event) ? streamSubjectId(event.stream) : undefined),
  evolve: (view, event) => (isImageEvent(event) ? evolveImage(view, event) : view),
  isUnknown: (event) => !isKnownEvent(event),
  columns: {
    project_id: { type: 'text', of: (image) => image.project },
    name: { type: 'text', of: (image) => image.name },
    deleted_at: { type: 'timestamptz(3)', isNullable: true, of: (image) => image.deletedAt },
  },
  indexes: { image_by_name: '(project_id, name, id) WHERE deleted_at IS NULL' },
  order: { columns: ['project_id', 'name', 'id'] },
  filters: {
    project: equals('project_id', (image) => image.project),
    name: equals('name', (image) => image.name),
  },
  listed: { sql: 't.deleted_at IS NULL', matches: (image) => image.deletedAt === null },
  named: { column: 'name', within: 'project_id' },
});

function isImageEvent(event: StoredEvent): event is StoredImageEvent {
  return kindOfStream(event.stream) === imageKind.name && isKnownEvent(event);
}
