import {
  DEFAULT_PROJECT,
  imageIdSchema,
  type ImageCommand,
  type ImageContents,
  type ImageFact,
  type OperationId,
  type StoredImageEvent,
} from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';
import { imageOfCommand } from '../domain/image/image.decider.js';
import { command, hostA, user } from './vm-facts.js';

/** The command of this name that registers an image from host a. */
export const register = (name: string, fields: Partial<ImageCommand<'register'>> = {}): ImageCommand<'register'> => ({
  ...{ kind: 'register', commandId: command(name), actor: user, projectId: DEFAULT_PROJECT },
  ...{ name: 'debian-13', source: { kind: 'host', hostId: hostA } },
  ...fields,
});

export const imageId = imageOfCommand(register('register'));
export const registering = derivedId(command('register'), 'operation') as OperationId;
const onImage = { actor: user, projectId: DEFAULT_PROJECT, imageId };
export const deleting = (name: string, of = imageId): ImageCommand => ({
  ...{ ...onImage, imageId: imageIdSchema.parse(of), kind: 'delete', commandId: command(name) },
});
export const cancelling = (name: string, operationId: OperationId = registering): ImageCommand => ({
  ...{ ...onImage, kind: 'cancel', commandId: command(name), operationId },
});

export const contents: ImageContents = {
  digest: `sha256:${'a'.repeat(64)}`,
  format: 'qcow2',
  virtualSizeBytes: 64 * 1024 ** 2,
  fileBytes: 2_048,
};

export const imageFact = {
  requested: {
    type: 'ImageRequested',
    data: { imageId, projectId: DEFAULT_PROJECT, name: 'debian-13', source: { kind: 'host', hostId: hostA } },
  },
  began: {
    type: 'OperationBegan',
    data: { operationId: registering, kind: 'image.register', timeoutMs: 3_600_000 },
  },
  registered: { type: 'ImageRegistered', data: contents },
  succeeded: { type: 'OperationSucceeded', data: { operationId: registering } },
  cancelled: { type: 'OperationCancelled', data: { operationId: registering, by: 'user', undone: [], left: [] } },
  deleted: { type: 'ImageDeleted', data: {} },
} as const satisfies Readonly<Record<string, ImageFact>>;

export function storedImageEvent(fact: ImageFact, revision: number): StoredImageEvent {
  return {
    ...{ id: derivedId(`${fact.type}/${revision}`, 'event'), stream: `image-${imageId}`, revision },
    ...{ position: String(revision), recordedAt: '2026-01-01T00:00:00.000Z', schemaVersion: 1 },
    ...fact,
    meta: { at: '2026-01-01T00:00:00.000Z', actor: user, projectId: DEFAULT_PROJECT },
  } as StoredImageEvent;
}
