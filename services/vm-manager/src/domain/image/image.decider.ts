import {
  commandEffectLabels,
  errors,
  IMAGE_EFFECT_LABEL,
  isKnownProject,
  keyReused,
  type ImageCommand,
  type ImageFact,
  type ImageId,
  type OperationId,
  type Rejection,
  type VmId,
} from '@drover/contracts';
import { accept, derivedId, reject, requestDigest, type Decision } from '@drover/domain-kit';
import type { ImageState } from './image.state.js';

/** A host reads the files of an image to the last byte, which may be a hundred GiB of a slow disk. */
export const REGISTER_TIMEOUT_MS = 3_600_000;

export type ImageDecision = Decision<ImageFact, Rejection>;

/** What a decision needs besides the image's own stream. */
export interface ImageContext {
  /** The other image of the project that has the name asked for. */
  readonly nameHolder?: ImageId;
  /** Whether the host is registered that the image is to come from. */
  readonly isHostKnown: boolean;
  /** VMs with a disk on the image, those included that are being requested at this moment. */
  readonly users: readonly VmId[];
}

/** The image that a command is about; a registration's follows from the command. */
export function imageOfCommand(command: ImageCommand): ImageId {
  return command.kind === 'register' ? (derivedId(command.commandId, IMAGE_EFFECT_LABEL) as ImageId) : command.imageId;
}

/** The operation that a command begins, or for a cancel the one it ends. A delete has none. */
export function operationOfCommand(command: ImageCommand): OperationId | undefined {
  if (command.kind === 'delete') return undefined;
  if (command.kind === 'cancel') return command.operationId;
  return derivedId(command.commandId, commandEffectLabels.operation) as OperationId;
}

/** What the rules say to a command on an image. Accepted with no facts means that it is already so. */
export function decideImage(state: ImageState, command: ImageCommand, context: ImageContext): ImageDecision {
  if (command.kind === 'register') return decideRegister(state, command, context);
  const { identity, phase } = state;
  if (identity?.projectId !== command.projectId) return reject(notRegistered(command));
  if (command.kind === 'cancel') return decideCancel(state, command.operationId);
  if (phase === 'deleted') return reject(notRegistered(command));
  const { users } = context;
  if (users.length > 0) return reject(inUse(identity.name, users));
  const { operation } = state;
  const cancelled = operation === undefined ? [] : [cancelledFact(operation.operationId)];
  return accept(...cancelled, { type: 'ImageDeleted', data: {} });
}

function decideRegister(state: ImageState, command: ImageCommand<'register'>, context: ImageContext): ImageDecision {
  // The image's id is derived from the command: whatever became of the image, this command has been decided.
  if (state.phase !== 'unknown') {
    const earlier = state.registration?.requestDigest;
    return earlier !== undefined && earlier !== requestDigest(command) ? reject(keyReused) : accept();
  }
  const { name, projectId, source } = command;
  if (!isKnownProject(projectId)) {
    return reject(errors.PROJECT_NOT_FOUND(`there is no project ${projectId}`, { field: '/project' }));
  }
  if (context.nameHolder !== undefined) return reject(nameTaken(name, context.nameHolder));
  if (!context.isHostKnown) {
    return reject(errors.HOST_NOT_FOUND(`there is no host ${source.hostId}`, { field: '/source/host' }));
  }
  const imageId = imageOfCommand(command);
  const operationId = derivedId(command.commandId, commandEffectLabels.operation) as OperationId;
  return accept(
    { type: 'ImageRequested', data: { imageId, projectId, name, source } },
    { type: 'OperationBegan', data: { operationId, kind: 'image.register', timeoutMs: REGISTER_TIMEOUT_MS } },
  );
}

/** A registration changes nothing on its host, so there is nothing to undo, however far it has come. */
function decideCancel({ operation, registration }: ImageState, operationId: OperationId): ImageDecision {
  if (operation?.operationId === operationId) {
    return accept(cancelledFact(operationId), { type: 'ImageDeleted', data: {} });
  }
  if (registration?.operationId !== operationId) {
    return reject(errors.OPERATION_NOT_FOUND(`this image has no operation ${operationId}`));
  }
  if (registration.isCancelled) return accept();
  const detail = `operation ${operationId} has ended`;
  return reject(errors.OPERATION_NOT_CANCELLABLE(detail, { data: { operationId } }));
}

function cancelledFact(operationId: OperationId): ImageFact {
  return { type: 'OperationCancelled', data: { operationId, by: 'user', undone: [], left: [] } };
}

export function nameTaken(name: string, holder: ImageId): Rejection {
  const detail = `the name ${name} belongs to image ${holder}; choose another name or delete that image`;
  return errors.IMAGE_NAME_TAKEN(detail, { field: '/name', data: { imageId: holder } });
}

function notRegistered({ imageId, projectId }: Extract<ImageCommand, { readonly imageId: ImageId }>): Rejection {
  return errors.IMAGE_NOT_REGISTERED(`project ${projectId} has no image ${imageId}`, { data: { image: imageId } });
}

function inUse(name: string, users: readonly VmId[]): Rejection {
  const shown = users.slice(0, 20);
  const others = users.length - shown.length;
  const more = others === 0 ? '' : ` and ${others} more`;
  const detail = `image ${name} is used by VM ${shown.join(', ')}${more}; delete them first`;
  return errors.IMAGE_IN_USE(detail, { data: { vmIds: shown, vms: users.length } });
}
