/**
 * Keeps logs from filling the disk that the event store is on. A log that has grown too long is copied next to itself and then
 * emptied; who writes into it appends, and needs not know. What is written between the two steps is lost.
 */
import { copyFile, stat, truncate } from 'node:fs/promises';
import { errorCode } from '@drover/domain-kit';

const LIMIT_BYTES = 32 * 1024 * 1024;
const INTERVAL_MS = 5_000;

export const olderLog = (file: string): string => `${file}.1`;

/** Empties each that is longer than the limit; says of which what was in it could not be kept. */
export async function boundLogs(files: readonly string[], limitBytes = LIMIT_BYTES): Promise<readonly string[]> {
  const notKept: string[] = [];
  for (const file of files) {
    if ((await sizeOf(file)) <= limitBytes) continue;
    // A disk that is full is the last reason to keep the log.
    await copyFile(file, olderLog(file)).catch(() => notKept.push(file));
    await truncate(file);
  }
  return notKept;
}

/** As long as this process runs. */
export function keepLogsBounded(files: readonly string[]): void {
  const look = async () => {
    try {
      for (const file of await boundLogs(files)) process.stderr.write(`the older part of ${file} could not be kept\n`);
    } catch (error) {
      process.stderr.write(`the logs could not be bounded: ${String(error)}\n`);
    }
    setTimeout(() => void look(), INTERVAL_MS).unref();
  };
  if (files.length > 0) void look();
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return 0;
    throw error;
  }
}
