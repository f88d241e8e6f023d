import { access, constants, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { Fault, resourceNameSchema } from '@drover/contracts';
import type { DirectKernel } from '@drover/libvirt-xml';
import { z } from 'zod';

/** `image.json` beside an image's files; file names are relative to its folder and stay inside it. */
const fileName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/);
const imageDescriptionSchema = z.object({
  name: resourceNameSchema,
  format: z.enum(['qcow2', 'raw']),
  disk: fileName,
  /** Size of the disk the guest sees. */
  virtualSizeBytes: z.int().min(1),
  kernel: fileName.optional(),
  initramfs: fileName.optional(),
  commandLine: z.string().max(1024).optional(),
});

/** An image as this host has it: a read-only volume, optionally with a kernel beside it. Paths are absolute. */
export interface HostImage {
  readonly name: string;
  readonly format: 'qcow2' | 'raw';
  readonly diskPath: string;
  readonly virtualSizeBytes: number;
  readonly directKernel?: DirectKernel;
}

/** The images of one host: a folder each below `folder`, named after the image. */
export class ImageStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Names of what can be used, in order. A folder without a readable description is no image. */
  async list(): Promise<readonly string[]> {
    const entries = await readdir(this.#folder, { withFileTypes: true }).catch(absentIsEmpty);
    const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
    const usable = await Promise.all(
      names.map(async (name) => ((await this.#describe(name)) === undefined ? [] : [name])),
    );
    return usable.flat().sort();
  }

  /** Fails `IMAGE_NOT_FOUND`, or `IMAGE_UNREADABLE` where a file that the description names cannot be read. */
  async get(name: string): Promise<HostImage> {
    const description = resourceNameSchema.safeParse(name).success ? await this.#describe(name) : undefined;
    if (description === undefined) {
      throw new Fault('IMAGE_NOT_FOUND', 'not-applied', `no image ${name} below ${this.#folder}`, {
        data: { image: name },
      });
    }
    const inFolder = (file: string) => path.join(this.#folder, name, file);
    const { kernel, initramfs, commandLine } = description;
    const image: HostImage = {
      name,
      format: description.format,
      diskPath: inFolder(description.disk),
      virtualSizeBytes: description.virtualSizeBytes,
      ...(kernel === undefined
        ? {}
        : {
            directKernel: {
              kernel: inFolder(kernel),
              ...(initramfs === undefined ? {} : { initramfs: inFolder(initramfs) }),
              ...(commandLine === undefined ? {} : { commandLine }),
            },
          }),
    };
    await requireReadable(image);
    return image;
  }

  async #describe(name: string): Promise<z.infer<typeof imageDescriptionSchema> | undefined> {
    try {
      const content: unknown = JSON.parse(await readFile(path.join(this.#folder, name, 'image.json'), 'utf8'));
      return imageDescriptionSchema.safeParse(content).data;
    } catch (error) {
      if (isAbsent(error) || error instanceof SyntaxError) return undefined;
      throw new Fault('IMAGE_UNREADABLE', 'not-applied', `cannot read the description of image ${name}`, {
        cause: error,
      });
    }
  }
}

async function requireReadable(image: HostImage): Promise<void> {
  const files = [image.diskPath, image.directKernel?.kernel, image.directKernel?.initramfs];
  for (const file of files) {
    if (file === undefined) continue;
    await access(file, constants.R_OK).catch((cause: unknown) => {
      throw new Fault('IMAGE_UNREADABLE', 'not-applied', `cannot read ${file}`, { cause, data: { image: image.name } });
    });
  }
}

function absentIsEmpty(error: unknown): [] {
  if (isAbsent(error)) return [];
  throw error;
}

function isAbsent(error: unknown): boolean {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return code === 'ENOENT' || code === 'ENOTDIR';
}
