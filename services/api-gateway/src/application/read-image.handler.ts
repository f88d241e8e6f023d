import {
  errors,
  imageIdSchema,
  MAX_PAGE,
  refuse,
  type HostResource,
  type ImageOnHost,
  type ImageResource,
  type ImageView,
  type ProjectId,
} from '@drover/contracts';
import type { FindResource } from './find-resource.handler.js';
import { HOSTS, IMAGES, type FleetReads } from './ports/fleet-reads.port.js';

/** Finds an image, and which hosts have it. */
export class ReadImage {
  readonly #reads: FleetReads;
  readonly #find: FindResource;

  constructor(reads: FleetReads, find: FindResource) {
    this.#reads = reads;
    this.#find = find;
  }

  async get(project: ProjectId, nameOrId: string): Promise<ImageResource> {
    const image = await this.find(project, nameOrId);
    if (image.deletedAt !== null) return missing(project, nameOrId);
    return { ...image, hosts: await this.#hostsWith(image) };
  }

  /** By name the one that bears it now; by id also a deleted one. */
  async find(project: ProjectId, nameOrId: string): Promise<ImageView> {
    const images = this.#reads.of(IMAGES);
    const isId = imageIdSchema.safeParse(nameOrId).success;
    const image = await this.#find.lookTwice(IMAGES, async () =>
      isId ? images.find(nameOrId) : (await images.named(nameOrId, project))[0],
    );
    return image?.project === project ? image : missing(project, nameOrId);
  }

  async #hostsWith(image: ImageView): Promise<ImageOnHost[]> {
    const found: ImageOnHost[] = [];
    for (let after: string | undefined; ;) {
      const page = await this.#reads.of(HOSTS).list({ limit: MAX_PAGE, ...(after === undefined ? {} : { after }) });
      found.push(...page.items.flatMap((host) => onHost(image, host)));
      if (page.next === undefined) return found;
      after = page.next;
    }
  }
}

function onHost({ contents, name }: ImageView, host: HostResource): readonly ImageOnHost[] {
  const file = host.inventory.images.find((image) => image.name === name);
  if (file === undefined) return [];
  const { digest = null } = file;
  const has = digest === null ? 'UNREAD' : digest === contents?.digest ? 'SAME' : 'OTHER';
  return [{ hostId: host.id, name: host.name, has, digest }];
}

function missing(project: ProjectId, nameOrId: string): never {
  const detail = `project ${project} has no image ${nameOrId}`;
  return refuse(errors.IMAGE_NOT_REGISTERED(detail, { data: { image: nameOrId } }));
}
