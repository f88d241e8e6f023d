import {
  DEFAULT_PROJECT,
  imageIdSchema,
  type CommandAccepted,
  type ImageId,
  type ImageWriteAnswer,
  type OperationView,
  type ProjectId,
  type RegisterImageBody,
} from '@drover/contracts';
import type { Clock } from '@drover/domain-kit';
import { actorOf, commandIdOf, type Caller } from './caller.js';
import type { FindResource } from './find-resource.handler.js';
import type { FleetCommands } from './ports/fleet-commands.port.js';
import type { ReadImage } from './read-image.handler.js';
import { accept, type Written } from './write-vm.handler.js';

interface NamedImage {
  readonly id: ImageId;
  readonly name: string;
  readonly project: ProjectId;
}

/** Turns requests into commands to vm-manager, which decides on images. */
export class WriteImage {
  readonly #commands: FleetCommands;
  readonly #find: FindResource;
  readonly #images: ReadImage;
  readonly #clock: Clock;

  constructor(commands: FleetCommands, find: FindResource, images: ReadImage, clock: Clock) {
    this.#commands = commands;
    this.#find = find;
    this.#images = images;
    this.#clock = clock;
  }

  async register(caller: Caller, body: RegisterImageBody): Promise<Written<ImageWriteAnswer>> {
    const { name, project = DEFAULT_PROJECT, source } = body;
    const { id: hostId } = await this.#find.host(source.host);
    const accepted = accept(
      await this.#commands.command('image', 'register', {
        kind: 'register',
        ...this.#envelope(caller, ['image.register']),
        projectId: project,
        name,
        source: { kind: 'host', hostId },
      }),
    );
    return written(accepted, { id: imageIdSchema.parse(accepted.subjectId), name, project });
  }

  async delete(caller: Caller, project: ProjectId, ref: string): Promise<Written<ImageWriteAnswer>> {
    const { id, name } = await this.#images.find(project, ref);
    const envelope = this.#envelope(caller, ['image.delete', project, ref]);
    const accepted = accept(
      await this.#commands.command('image', 'delete', { kind: 'delete', ...envelope, projectId: project, imageId: id }),
    );
    return written(accepted, { id, name, project });
  }

  /** @param operation on an image. */
  async cancel(caller: Caller, operation: OperationView): Promise<Written<ImageWriteAnswer>> {
    const { id: operationId, project, subject } = operation;
    const imageId = imageIdSchema.parse(subject.id);
    const envelope = this.#envelope(caller, ['image.cancel', operationId]);
    const accepted = accept(
      await this.#commands.command('image', 'cancel', {
        kind: 'cancel',
        ...envelope,
        projectId: project,
        imageId,
        operationId,
      }),
    );
    return written(accepted, { id: imageId, name: subject.name, project });
  }

  #envelope(caller: Caller, deed: readonly [kind: string, ...asWritten: string[]]) {
    return { commandId: commandIdOf(caller, deed, this.#clock), actor: actorOf(caller) };
  }
}

function written({ operationId, position }: CommandAccepted, image: NamedImage): Written<ImageWriteAnswer> {
  if (operationId === undefined) return { body: { operation: null, image }, position, isEnded: true };
  const operation = { id: operationId, kind: 'image.register' as const };
  return { body: { operation, image }, position, operationId, isEnded: false };
}
