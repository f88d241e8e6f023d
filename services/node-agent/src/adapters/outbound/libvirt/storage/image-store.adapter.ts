import { lstat, opendir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { errorCode } from '@drover/domain-kit';
import {
  errors,
  isFailure,
  readImageRef,
  Rejected,
  resourceNameSchema,
  type HostInventory,
  type ImageContents,
  type ImageDigest,
} from '@drover/contracts';
import type { DirectKernel } from '@drover/libvirt-xml';
import { z } from 'zod';
import { HEAD_BYTES, inspectDisk } from '../../../../domain/images/disk-image.policy.js';
import { isAbsent } from './file-errors.js';
import { ImageDigests } from './image-digests.adapter.js';
import { imageFailure, imageRefused } from './image-failure.js';
import { readHead } from './image-file.adapter.js';

const DESCRIPTION = 'image.json';
const MAX_DESCRIPTION_BYTES = 65_536;
/** What a host tells of; a folder with more is cut, and that is told. */
const MAX_IMAGES = 1000;
const MAX_REFUSED = 100;
/** A file system that takes longer than this for a header holds up no other image. */
const PATIENCE_MS = 5_000;
const LATE = 'its file system does not answer' as const;

/** `image.json` next to an image's files; file names are relative to its folder and stay inside it. */
const fileName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/);
const imageDescriptionSchema = z.object({
  format: z.enum(['qcow2', 'raw']),
  disk: fileName,
  kernel: fileName.optional(),
  initramfs: fileName.optional(),
  commandLine: z.string().max(1024).optional(),
});

/** An image as this host has it: a read-only volume, optionally with a kernel of its own. Paths are absolute. */
export interface HostImage {
  readonly name: string;
  readonly format: 'qcow2' | 'raw';
  readonly diskPath: string;
  /** Of the disk that the guest sees, as the file itself has it. */
  readonly virtualSizeBytes: number;
  readonly fileBytes: number;
  readonly directKernel?: DirectKernel;
}

export type FoundImages = Pick<HostInventory, 'images' | 'refusedImages'>;

/**
 * The images of one host: a folder each below `folder`, named after the image. Each is inspected whenever it is listed or used,
 * because a user who may write there may change it; one that may not be used takes no other along.
 */
export class ImageStore {
  readonly #folder: string;
  readonly #digests: ImageDigests;
  readonly #patienceMs: number;

  constructor(folder: string, digests = new ImageDigests(), patienceMs = PATIENCE_MS) {
    this.#folder = folder;
    this.#digests = digests;
    this.#patienceMs = patienceMs;
  }

  /** By name: what can be used, and what cannot with the reason. A folder without a description is no image. */
  async list(): Promise<FoundImages> {
    const images: HostInventory['images'] = [];
    const refused: { name: string; why: string }[] = [];
    const refuse = (name: string, why: string) => refused.push({ name: name.slice(0, 200), why: why.slice(0, 300) });
    const names = await this.#soon(() => this.#names());
    if (typeof names === 'string') refuse(this.#folder, names);
    if (this.#digests.problem !== undefined) refuse(this.#folder, this.#digests.problem);
    for (const name of typeof names === 'string' ? [] : names) {
      const found = await this.#soon(() => this.#listed(name));
      if (typeof found === 'string') refuse(name, found);
      else if (found !== undefined && images.length === MAX_IMAGES) refuse(name, `${MAX_IMAGES} images are the most`);
      else if (found !== undefined) {
        const { digest, image } = found;
        const virtualSizeMiB = Math.ceil(image.virtualSizeBytes / 1024 ** 2);
        images.push({ name, format: image.format, virtualSizeMiB, ...(digest === undefined ? {} : { digest }) });
      }
      // The others are on the same file system, and would each be waited for.
      if (found === LATE) break;
    }
    return { images, ...(refused.length === 0 ? {} : { refusedImages: refused.slice(0, MAX_REFUSED) }) };
  }

  /**
   * Fails `IMAGE_NOT_FOUND`, `IMAGE_REFUSED`, `IMAGE_UNREADABLE` where a file of it cannot be read, or `IMAGE_CHANGED` where its content
   * is named and is another one.
   */
  async get(ref: string): Promise<HostImage> {
    const { name, digest } = readImageRef(ref);
    const data = { image: name };
    const isName = resourceNameSchema.safeParse(name).success;
    const image = isName ? await this.#inspect(name) : undefined;
    if (image === undefined) {
      throw new Rejected(errors.IMAGE_NOT_FOUND(`no image ${name} below ${this.#folder}`, { data }));
    }
    if (digest === undefined) return image;
    const found = await this.#digests.of(image);
    if (found !== digest) {
      const detail = `image ${name} below ${this.#folder} is ${found}, and ${digest} was registered`;
      throw new Rejected(errors.IMAGE_CHANGED(detail, { data }));
    }
    return image;
  }

  /** Of each disk, in order. Disks are overlays: on other bytes than one was made on, the guest would read garbage. Fails as `get` does. */
  ofDisks(disks: readonly { readonly image?: string | undefined }[]): Promise<readonly (HostImage | undefined)[]> {
    return Promise.all(disks.map(async ({ image }) => (image === undefined ? undefined : this.get(image))));
  }

  /** Ends what is being read. */
  stop(): void {
    this.#digests.stop();
  }

  /** What an image is, read to its last byte. Fails as `get` does. */
  async contents(name: string): Promise<ImageContents> {
    const image = await this.get(name);
    const { fileBytes, format, virtualSizeBytes } = image;
    return { digest: await this.#digests.of(image), fileBytes, format, virtualSizeBytes };
  }

  /** In order, or why the folder cannot be read. */
  async #names(): Promise<readonly string[] | string> {
    const names: string[] = [];
    try {
      for await (const { name } of await opendir(this.#folder)) {
        // Drafts and what file systems keep for themselves.
        if (!name.startsWith('.') && names.push(name) > MAX_IMAGES + MAX_REFUSED) break;
      }
    } catch (error) {
      return isAbsent(error) ? [] : `the folder cannot be read: ${errorCode(error) ?? 'unknown reason'}`;
    }
    return names.sort();
  }

  async #soon<Value>(work: () => Promise<Value>): Promise<Value | typeof LATE> {
    const controller = new AbortController();
    const late = delay<typeof LATE>(this.#patienceMs, LATE, { signal: controller.signal, ref: false });
    // Rejected when the work was in time, and the race is over then.
    late.catch(() => undefined);
    try {
      return await Promise.race([work(), late]);
    } finally {
      controller.abort();
    }
  }

  /** The image with its digest as far as that is known, why it is none, or undefined where nothing says that it is one. */
  async #listed(name: string): Promise<ListedImage | string | undefined> {
    try {
      const image = await this.#inspect(name);
      if (image === undefined) return undefined;
      if (!resourceNameSchema.safeParse(name).success) return 'its name is no name of an image';
      const digest = await this.#digests.known(image);
      if (digest !== undefined) return { image, digest };
      this.#digests.readSoon(image);
      return this.#digests.whyUnreadable(name) ?? { image };
    } catch (error) {
      if (isFailure(error)) return error.message;
      throw error;
    }
  }

  async #inspect(name: string): Promise<HostImage | undefined> {
    const folder = path.join(this.#folder, name);
    const description = await this.#describe(name, folder);
    if (description === undefined) return undefined;
    const { commandLine, disk, format, initramfs, kernel } = description;
    const diskPath = path.join(folder, disk);
    const { head, fileBytes } = await this.#head(name, diskPath, HEAD_BYTES);
    const found = inspectDisk(format, head, fileBytes);
    if (typeof found === 'string') throw imageRefused(name, `${disk} cannot be its disk: ${found}`);
    for (const file of [kernel, initramfs]) {
      if (file !== undefined) await this.#head(name, path.join(folder, file), 1);
    }
    return {
      name,
      format,
      diskPath,
      fileBytes,
      ...found,
      ...(kernel === undefined
        ? {}
        : {
            directKernel: {
              kernel: path.join(folder, kernel),
              ...(initramfs === undefined ? {} : { initramfs: path.join(folder, initramfs) }),
              ...(commandLine === undefined ? {} : { commandLine }),
            },
          }),
    };
  }

  async #describe(name: string, folder: string): Promise<z.infer<typeof imageDescriptionSchema> | undefined> {
    const file = path.join(folder, DESCRIPTION);
    try {
      // A folder that is a link may lead anywhere.
      if (!(await lstat(folder)).isDirectory()) return undefined;
      await lstat(file);
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw imageFailure(name, file, error);
    }
    const { head, fileBytes } = await this.#head(name, file, MAX_DESCRIPTION_BYTES);
    if (fileBytes > MAX_DESCRIPTION_BYTES) throw imageRefused(name, `${DESCRIPTION} is larger than 64 KiB`);
    const content = imageDescriptionSchema.safeParse(parsed(new TextDecoder().decode(head)));
    if (content.success) return content.data;
    const [issue] = content.error.issues;
    throw imageRefused(name, `${DESCRIPTION}: ${issue?.path.join('.') ?? ''} ${issue?.message ?? 'is no JSON'}`);
  }

  async #head(name: string, file: string, maxBytes: number) {
    try {
      return await readHead(file, maxBytes);
    } catch (error) {
      throw imageFailure(name, file, error);
    }
  }
}

interface ListedImage {
  readonly image: HostImage;
  readonly digest?: ImageDigest;
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    // No object, so the schema refuses it.
    return undefined;
  }
}
