import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { lstat, rename, writeFile } from 'node:fs/promises';
import { errorCode } from '@drover/domain-kit';
import { z } from 'zod';
import { isAbsent } from './file-errors.js';
import { readWhole, UnusableFile } from './image-file.adapter.js';

/** Files whose sums are kept, the oldest out first: some for each of the most images that a host tells of. */
const MAX_SUMS = 4000;

/** A file that changes each time it is read is none that a disk can be laid over. */
const MAX_READINGS = 3;

/** What the file system says of a file. */
const markSchema = z.strictObject({
  /** File system, inode, size and the time of its last writing. */
  content: z.string().max(200),
  /** Whose it is: only root gives a file away. */
  owner: z.string().max(50),
  /** The time of any last change (`ctime`), which only root can set. */
  changed: z.string().max(50),
});
type Mark = z.infer<typeof markSchema>;

const sumSchema = z.strictObject({
  /** When it was read. */
  mark: markSchema,
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
const keptSchema = z.record(z.string().max(4096), sumSchema);
type Sum = z.infer<typeof sumSchema>;

/**
 * The sha256 of files, each read once. A file is read again when the file system says that it is another one or was changed. Another
 * owner is no change: libvirt gives the image of a VM to its QEMU when the VM starts.
 *
 * They are kept in a file, so that a restarted agent does not read all its images before it offers them.
 */
export class FileSums {
  readonly #kept: string | undefined;
  readonly #readWhole: typeof readWhole;
  readonly #sums = new Map<string, Sum>();
  readonly #reading = new Map<string, Promise<string>>();
  #stops = 0;
  #saving: Promise<void> = Promise.resolve();
  #problem: string | undefined;

  constructor(kept?: string, read = readWhole) {
    this.#kept = kept;
    this.#readWhole = read;
    if (kept !== undefined) this.#load(kept);
  }

  /** Why sums are not kept over a restart of the agent, in words; undefined where they are. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Undefined where it has not been read as it now is. Fails as the file system does. */
  async known(file: string): Promise<string | undefined> {
    const sum = this.#sums.get(file);
    if (sum === undefined) return undefined;
    const mark = await markOf(file);
    if (!isSameContent(sum.mark, mark)) return undefined;
    // From here on the next change counts, under its new owner too.
    if (sum.mark.changed !== mark.changed) await this.#keep(file, { ...sum, mark });
    return sum.sha256;
  }

  /** Reads it where it is not known. Fails as the file system does, or with `UnusableFile`. */
  async of(file: string): Promise<string> {
    const stops = this.#stops;
    const known = await this.known(file);
    if (known !== undefined) return known;
    let reading = this.#reading.get(file);
    if (reading === undefined) {
      reading = this.#read(file, stops).finally(() => this.#reading.delete(file));
      this.#reading.set(file, reading);
    }
    return reading;
  }

  /** Ends what is being read. */
  stop(): void {
    this.#stops += 1;
  }

  async #read(file: string, stops: number): Promise<string> {
    for (let readings = 1; readings <= MAX_READINGS; readings++) {
      const mark = await markOf(file);
      const hash = createHash('sha256');
      await this.#readWhole(file, (piece) => {
        if (this.#stops !== stops) throw new UnusableFile('the agent stopped while it read it');
        hash.update(piece);
      });
      const after = await markOf(file);
      if (isSameContent(mark, after)) return this.#keep(file, { mark: after, sha256: hash.digest('hex') });
    }
    throw new UnusableFile(`it was changed while it was read, ${MAX_READINGS} times`);
  }

  async #keep(file: string, sum: Sum): Promise<string> {
    this.#sums.delete(file);
    this.#sums.set(file, sum);
    for (const oldest of this.#sums.keys()) if (this.#sums.size > MAX_SUMS) this.#sums.delete(oldest);
    await this.#save();
    return sum.sha256;
  }

  /** Its failure costs a restarted agent another reading, and this reading nothing. */
  #save(): Promise<void> {
    const kept = this.#kept;
    if (kept === undefined) return Promise.resolve();
    this.#saving = this.#saving.then(async () => {
      try {
        await writeFile(`${kept}.new`, JSON.stringify(Object.fromEntries(this.#sums)), { mode: 0o600 });
        await rename(`${kept}.new`, kept);
        this.#problem = undefined;
      } catch (error) {
        this.#problem = `sums of images cannot be kept: ${errorCode(error) ?? 'unknown reason'}`;
      }
    });
    return this.#saving;
  }

  /** What cannot be read of it is read from the images again. */
  #load(kept: string): void {
    try {
      const sums = keptSchema.parse(JSON.parse(readFileSync(kept, 'utf8')));
      for (const [file, sum] of Object.entries(sums)) this.#sums.set(file, sum);
    } catch (error) {
      if (!isAbsent(error))
        this.#problem = `kept sums of images cannot be read: ${errorCode(error) ?? 'they are damaged'}`;
    }
  }
}

async function markOf(file: string): Promise<Mark> {
  const { ctimeNs, dev, ino, mtimeNs, size, uid } = await lstat(file, { bigint: true });
  return { content: [dev, ino, size, mtimeNs].join('.'), owner: String(uid), changed: String(ctimeNs) };
}

function isSameContent(before: Mark, now: Mark): boolean {
  return before.content === now.content && (before.changed === now.changed || before.owner !== now.owner);
}
