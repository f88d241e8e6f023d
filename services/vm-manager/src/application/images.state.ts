import { Streams, type Aggregate, type StreamStore } from '@drover/aggregate';
import {
  comparePositions,
  errors,
  imageKind,
  readImageRef,
  writeImageRef,
  type ImageId,
  type ProjectId,
  type StoredImageEvent,
  type VmId,
  type VmSpec,
} from '@drover/contracts';
import { confirmedImage, evolveImage, noImage, type ImageState } from '../domain/image/image.state.js';
import { imagesOfDisks, type ImageStanding } from '../domain/image/pin-images.policy.js';
import type { VmFolds } from './vm-folds.state.js';

/** What this service keeps of each image. A raised `stateVersion` makes it read all events once at its next start. */
export const imageAggregate: Aggregate<ImageState, StoredImageEvent> = {
  kind: imageKind.name,
  stateVersion: 1,
  initialState: noImage,
  evolve: evolveImage,
  confirmed: confirmedImage,
};

/**
 * The images: their folds, by name, and which VMs use them. A VM whose request is on its way to the store counts as one that uses its
 * images, and an image whose deletion is on its way is given to no VM.
 */
export class Images {
  readonly streams: Streams<ImageState, StoredImageEvent, ImageId>;
  readonly #vms: Pick<VmFolds, 'usersOf' | 'refresh'>;
  readonly #byName: (key: string) => ReadonlySet<ImageId>;
  readonly #requested = new Map<VmId, { readonly projectId: ProjectId; readonly images: readonly string[] }>();
  readonly #ending = new Set<ImageId>();

  constructor(store: StreamStore, vms: Pick<VmFolds, 'usersOf' | 'refresh'>) {
    this.streams = new Streams(store, imageAggregate);
    this.#vms = vms;
    this.#byName = this.streams.folds.indexBy(({ identity }) =>
      identity === undefined ? [] : [keyOf(identity.projectId, identity.name)],
    );
  }

  /** The image that has the name: of several, as after two writers overlapped, the one that was requested first. */
  holder(projectId: ProjectId, name: string): ImageId | undefined {
    const { folds } = this.streams;
    const holders = [...this.#byName(keyOf(projectId, name))].filter((id) => folds.get(id).state.phase !== 'deleted');
    return holders.sort((a, b) => comparePositions(folds.get(a).firstPosition, folds.get(b).firstPosition))[0];
  }

  /** What the catalogue says to the name. Throws while the deletion of the image is on its way. */
  standing(projectId: ProjectId, name: string): ImageStanding {
    const holder = this.holder(projectId, name);
    if (holder !== undefined) {
      if (this.#ending.has(holder)) throw errors.SERVICE_UNAVAILABLE('not-applied', `image ${name} is being deleted`);
      const { contents } = this.streams.folds.get(holder).state;
      return contents === undefined
        ? { kind: 'refused', why: `image ${name} is still being registered; wait for that operation` }
        : { kind: 'registered', digest: contents.digest };
    }
    const ended = [...this.#byName(keyOf(projectId, name))].map((id) => this.streams.folds.get(id).state);
    if (ended.every(({ contents }) => contents === undefined)) return { kind: 'free' };
    return { kind: 'refused', why: `image ${name} was deleted; register it again, or use another` };
  }

  /** VMs with a disk on the image, also those that were made of its name before it was registered. */
  usersOf({ contents, identity }: ImageState): readonly VmId[] {
    if (contents === undefined || identity === undefined) return [];
    const { name, projectId } = identity;
    const images = [writeImageRef({ name, digest: contents.digest }), name];
    const requested = [...this.#requested].flatMap(([vmId, used]) =>
      used.projectId === projectId && images.some((image) => used.images.includes(image)) ? [vmId] : [],
    );
    return [...new Set([...images.flatMap((image) => [...this.#vms.usersOf(projectId, image)]), ...requested])];
  }

  /** The request of a VM is about to be appended. */
  reserve(vmId: VmId, projectId: ProjectId, spec: VmSpec): void {
    const images = imagesOfDisks(spec);
    if (images.length > 0) this.#requested.set(vmId, { projectId, images });
  }

  /** It stands in the fold, or will not be appended. */
  release(vmId: VmId): void {
    this.#requested.delete(vmId);
  }

  /** Finds out which of the requests that were not answered have been appended. */
  async settleRequests(): Promise<void> {
    for (const vmId of [...this.#requested.keys()]) {
      await this.#vms.refresh(vmId);
      this.release(vmId);
    }
  }

  /** The deletion of an image is about to be appended. */
  ending(imageId: ImageId): void {
    this.#ending.add(imageId);
  }

  ended(imageId: ImageId): void {
    this.#ending.delete(imageId);
  }

  /** Waits for the deletions that are on their way, and finds out about those that were not answered. */
  async settleDeletions(projectId: ProjectId, { disks }: Pick<VmSpec, 'disks'>): Promise<void> {
    if (this.#ending.size === 0) return;
    for (const { image } of disks) {
      const holder = image === undefined ? undefined : this.holder(projectId, readImageRef(image).name);
      if (holder === undefined || !this.#ending.has(holder)) continue;
      await this.streams.refresh(holder);
      this.#ending.delete(holder);
    }
  }
}

export function keyOf(projectId: ProjectId, name: string): string {
  return `${projectId}/${name}`;
}
