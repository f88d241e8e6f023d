import { newEvents } from '@drover/aggregate';
import { errors, Fault, keyReused, type HostId, type ImageCommand, type ImageId } from '@drover/contracts';
import { KeyedQueue, requestDigest, type Clock } from '@drover/domain-kit';
import {
  decideImage,
  imageOfCommand,
  operationOfCommand,
  type ImageContext,
  type ImageDecision,
} from '../domain/image/image.decider.js';
import type { ImageState } from '../domain/image/image.state.js';
import { keyOf, type Images } from './images.state.js';
import type { CommandAnswer } from './vm-command.handler.js';

export interface ImageCommandHandlerOptions {
  readonly images: Images;
  readonly isHostKnown: (hostId: HostId) => boolean;
  readonly clock: Clock;
  /** Whether this replica is the active one; asked right before each append. */
  readonly isActive: () => boolean;
}

/** Decides commands on images and appends what was decided. */
export class ImageCommandHandler {
  readonly #options: ImageCommandHandlerOptions;
  /** Registrations of one name wait for each other. */
  readonly #names = new KeyedQueue<string>();
  /** Images whose append was not answered, by their names: whose a name is, only the store knows until their streams have been read. */
  readonly #doubtful = new Map<string, ImageId>();

  constructor(options: ImageCommandHandlerOptions) {
    this.#options = options;
  }

  /** Throws a `Fault`; repeated with the same command id it does once what it did or would have done. */
  async handle(command: ImageCommand, traceparent?: string): Promise<CommandAnswer> {
    const { images } = this.#options;
    const imageId = imageOfCommand(command);
    if (command.kind === 'register') {
      const key = keyOf(command.projectId, command.name);
      return this.#names.run(key, () => this.#register(command, imageId, key, traceparent));
    }
    if (command.kind === 'cancel') return this.#decide(command, imageId, traceparent);
    await images.settleRequests();
    try {
      const answer = await this.#decide(command, imageId, traceparent);
      images.ended(imageId);
      return answer;
    } catch (error) {
      if (!isUnanswered(error)) images.ended(imageId);
      throw error;
    }
  }

  async #register(
    command: ImageCommand<'register'>,
    imageId: ImageId,
    key: string,
    traceparent: string | undefined,
  ): Promise<CommandAnswer> {
    const doubtful = this.#doubtful.get(key);
    if (doubtful !== undefined) {
      await this.#options.images.streams.refresh(doubtful);
      this.#doubtful.delete(key);
    }
    try {
      return await this.#decide(command, imageId, traceparent);
    } catch (error) {
      if (isUnanswered(error)) this.#doubtful.set(key, imageId);
      throw error;
    }
  }

  async #decide(command: ImageCommand, imageId: ImageId, traceparent: string | undefined): Promise<CommandAnswer> {
    const { clock, images, isActive } = this.#options;
    const operationId = operationOfCommand(command);
    const { result, revision, position } = await images.streams.change<ImageDecision>(imageId, ({ state }) => {
      if (!isActive()) throw errors.SERVICE_UNAVAILABLE('not-applied', 'this replica is not the active one');
      const decision = decideImage(state, command, this.#context(state, command, imageId));
      if (decision.kind === 'rejected') return { events: [], result: decision };
      if (command.kind === 'delete') images.ending(imageId);
      const origin = {
        actor: command.actor,
        causationId: command.commandId,
        atMs: clock.epochMs(),
        projectId: command.projectId,
        operationId,
        traceparent,
        requestDigest: requestDigest(command),
      };
      return { events: newEvents(decision.events, origin), result: decision };
    });
    const accepted: CommandAnswer = {
      kind: 'answered',
      value: { subjectId: imageId, ...(operationId === undefined ? {} : { operationId }), revision, position },
    };
    if (result.kind === 'accepted') return accepted;
    // A repeat of a command that was carried out may be refused by what it has led to.
    const earlier = await images.streams.effectOf(imageId, command.commandId);
    if (earlier === undefined) return result;
    const isAnother = earlier.meta.requestDigest !== requestDigest(command);
    return isAnother ? { kind: 'rejected', rejection: keyReused } : accepted;
  }

  #context(state: ImageState, command: ImageCommand, imageId: ImageId): ImageContext {
    const { images, isHostKnown } = this.#options;
    const isRegistering = command.kind === 'register';
    const holder = isRegistering ? images.holder(command.projectId, command.name) : undefined;
    return {
      isHostKnown: isRegistering && isHostKnown(command.source.hostId),
      users: images.usersOf(state),
      ...(holder === undefined || holder === imageId ? {} : { nameHolder: holder }),
    };
  }
}

function isUnanswered(error: unknown): boolean {
  return error instanceof Fault && error.outcome === 'unknown';
}
