import { createHash } from 'node:crypto';
import { isFailure, type ImageDigest } from '@drover/contracts';
import type { DirectKernel } from '@drover/libvirt-xml';
import { digestSource, imageDigestOf } from '../../../../domain/images/image-digest.policy.js';
import { FileSums } from './file-sums.adapter.js';
import { imageFailure } from './image-failure.js';

/** The files of an image. */
interface Files {
  readonly name: string;
  readonly diskPath: string;
  readonly directKernel?: DirectKernel;
}

/** What the bytes of images are, each file read once and again when it has changed. */
export class ImageDigests {
  readonly #sums: FileSums;
  readonly #onRead: () => void;
  /** Images whose files are being read, or wait for that, one after the other. */
  readonly #unread = new Set<string>();
  /** Why the files of an image could not be read to their end, when that was tried last. */
  readonly #unreadable = new Map<string, string>();
  #readings: Promise<void> = Promise.resolve();
  #stops = 0;

  /** @param onRead called when the digest of an image has become known, or why it cannot be is another reason than before. */
  constructor(sums = new FileSums(), onRead: () => void = ignore) {
    this.#sums = sums;
    this.#onRead = onRead;
  }

  /** Why what was read is read again by a restarted agent, in words; undefined where it is not. */
  get problem(): string | undefined {
    return this.#sums.problem;
  }

  /** Why the digest of an image could not become known, in words. */
  whyUnreadable(name: string): string | undefined {
    return this.#unreadable.get(name);
  }

  /** Undefined where a file of it was not read as it now is. Fails `IMAGE_UNREADABLE`. */
  known(image: Files): Promise<ImageDigest | undefined> {
    return this.#digest(image, (file) => this.#sums.known(file));
  }

  /** Reads what is not known, and tells that it is known then. Fails `IMAGE_REFUSED` or `IMAGE_UNREADABLE`. */
  async of(image: Files): Promise<ImageDigest> {
    const known = await this.known(image);
    if (known !== undefined) return known;
    const digest = await this.#read(image);
    this.#unreadable.delete(image.name);
    this.#onRead();
    return digest;
  }

  /** Reads it when those before it have been read. */
  readSoon(image: Files): void {
    const { name } = image;
    if (this.#unread.has(name)) return;
    this.#unread.add(name);
    const stops = this.#stops;
    this.#readings = this.#readings.then(async () => {
      if (this.#stops !== stops) return void this.#unread.delete(name);
      const before = this.#unreadable.get(name);
      try {
        await this.#read(image);
        this.#unreadable.delete(name);
      } catch (error) {
        this.#unreadable.set(name, isFailure(error) ? error.message : String(error));
      }
      this.#unread.delete(name);
      const why = this.#unreadable.get(name);
      // Told of the same failure again, the listener would list the images, and an unreadable one would be read without a pause.
      if (why === undefined || why !== before) this.#onRead();
    });
  }

  /** Ends what is being read, and what waits for that. */
  stop(): void {
    this.#stops += 1;
    this.#sums.stop();
  }

  async #read(image: Files): Promise<ImageDigest> {
    const digest = await this.#digest(image, (file) => this.#sums.of(file));
    if (digest === undefined) throw new Error('a file that was read has a sum');
    return digest;
  }

  async #digest(
    { diskPath, directKernel, name }: Files,
    sumOf: (file: string) => Promise<string | undefined>,
  ): Promise<ImageDigest | undefined> {
    const sums: Record<string, string> = {};
    const files = { disk: diskPath, kernel: directKernel?.kernel, initramfs: directKernel?.initramfs };
    for (const [part, file] of Object.entries(files)) {
      if (file === undefined) continue;
      try {
        const sum = await sumOf(file);
        if (sum === undefined) return undefined;
        sums[part] = sum;
      } catch (error) {
        throw imageFailure(name, file, error);
      }
    }
    const source = digestSource(sums, directKernel?.commandLine);
    return imageDigestOf('sha256' in source ? source.sha256 : createHash('sha256').update(source.of).digest('hex'));
  }
}

function ignore(): void {}
