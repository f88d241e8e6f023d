import { open, rename, stat } from 'node:fs/promises';
import type { DeadLetter, DeadLetters } from '@drover/messaging';

/** A second file of this size takes the place of the first; older letters go with it. */
const MAX_BYTES = 16 * 1024 * 1024;

/**
 * Unreadable messages of an agent, one JSON line each, in a file next to its journal: an agent has no store to keep them
 * in. A letter is kept when it is on disk.
 */
export class FileDeadLetters implements DeadLetters {
  readonly #file: string;
  #last: Promise<void> = Promise.resolve();

  constructor(file: string) {
    this.#file = file;
  }

  keep(letter: DeadLetter): Promise<void> {
    const kept = this.#last.then(() => this.#append(letter));
    // A letter that could not be kept is told to its sender; the next one is tried all the same.
    this.#last = kept.catch(() => undefined);
    return kept;
  }

  async #append(letter: DeadLetter): Promise<void> {
    const line = JSON.stringify({ ...letter, payload: Buffer.from(letter.payload).toString('base64') });
    const file = await open(this.#file, 'a', 0o600);
    try {
      await file.appendFile(`${line}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    if ((await stat(this.#file)).size > MAX_BYTES) await rename(this.#file, `${this.#file}.older`);
  }
}
