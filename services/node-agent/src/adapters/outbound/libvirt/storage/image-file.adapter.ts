import { constants, type Stats } from 'node:fs';
import { lstat, open, type FileHandle } from 'node:fs/promises';
import { hasCode } from '@drover/domain-kit';

/** A file that an image may not have. The message says why, for the operator. */
export class UnusableFile extends Error {
  override readonly name = 'UnusableFile';
}

/** No file is waited for (a pipe without a writer), followed (a link), or opened for what opening it does (a device). */
const SAFELY = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW | constants.O_NOCTTY;

/** At once; a second of the event loop reads some hundred of them. */
const PIECE_BYTES = 256 * 1024;

/** The beginning of a regular file. Fails as the file system does, or with `UnusableFile`. */
export async function readHead(
  file: string,
  maxBytes: number,
): Promise<{ readonly head: Uint8Array; readonly fileBytes: number }> {
  return reading(file, async (handle) => {
    const { size } = await handle.stat();
    const buffer = new Uint8Array(Math.min(maxBytes, size));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
    return { head: buffer.subarray(0, bytesRead), fileBytes: size };
  });
}

/**
 * Hands the whole of a regular file over, piece by piece; each piece is valid until the next. What is written behind its end meanwhile
 * is not read, so that no file is without an end. Fails as `readHead` does.
 */
export async function readWhole(file: string, take: (piece: Uint8Array) => void): Promise<void> {
  await reading(file, async (handle) => {
    const buffer = new Uint8Array(PIECE_BYTES);
    let left = (await handle.stat()).size;
    while (left > 0) {
      const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, left));
      if (bytesRead === 0) return;
      take(buffer.subarray(0, bytesRead));
      left -= bytesRead;
    }
  });
}

async function reading<Value>(file: string, body: (handle: FileHandle) => Promise<Value>): Promise<Value> {
  requireRegular(await lstat(file));
  const handle = await open(file, SAFELY).catch((error: unknown) => {
    // A link that has taken the place of the file that was looked at.
    if (hasCode(error, 'ELOOP')) throw new UnusableFile('it is a link');
    throw error;
  });
  try {
    requireRegular(await handle.stat());
    return await body(handle);
  } finally {
    await handle.close();
  }
}

function requireRegular(stats: Stats): void {
  if (stats.isSymbolicLink()) throw new UnusableFile('it is a link');
  if (!stats.isFile()) throw new UnusableFile('it is no regular file');
}
