import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { positionSchema, type Position } from '@drover/contracts';

/** The position of this user's newest write, so that the next command, another process, reads it. */
export interface PositionMemory {
  read(): Promise<Position | undefined>;
  write(position: Position): Promise<void>;
}

/** Writes older than this are in every read model; after a rebuilt installation the file must not bind for ever. */
const MAX_AGE_MS = 60_000;

/** One small file per API below the user's state folder (XDG Base Directory Specification). */
export function filePositionMemory(url: string, now: () => number): PositionMemory {
  const folder = path.join(process.env.XDG_STATE_HOME ?? path.join(homedir(), '.local/state'), 'drover');
  const file = path.join(folder, `position-${createHash('sha256').update(url).digest('hex').slice(0, 16)}`);
  return {
    read: async () => {
      const content = await readFile(file, 'utf8').catch(() => '');
      const [position, writtenAt] = content.split(' ');
      const parsed = positionSchema.safeParse(position);
      return parsed.success && now() - Number(writtenAt) < MAX_AGE_MS ? parsed.data : undefined;
    },
    write: async (position) => {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await writeFile(file, `${position} ${now()}`, { mode: 0o600 });
    },
  };
}
