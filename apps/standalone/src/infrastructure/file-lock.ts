/** One at a time over processes: the kernel holds the lock, and drops it with its holder. */
import { spawn } from 'node:child_process';
import { plainEnvironment } from './background-process.js';

/** Who holds it works on a few files; longer than this it hangs. */
const PATIENCE_S = 60;

/** @param file stands there already, where no other user can put a link in its place. */
export async function withFileLock<Result>(file: string, work: () => Promise<Result>): Promise<Result> {
  const release = await lock(file);
  try {
    return await work();
  } finally {
    await release();
  }
}

/** The lock is a process's that ends when its input is closed, and so with this one. */
async function lock(file: string): Promise<() => Promise<void>> {
  const args = ['--wait', String(PATIENCE_S), file, 'sh', '-c', 'echo locked; exec cat'];
  const child = spawn('flock', args, { stdio: ['pipe', 'pipe', 'inherit'], env: plainEnvironment() });
  const locked = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  child.once('error', (cause) => locked.reject(new Error('cannot run flock (Debian: util-linux)', { cause })));
  child.once('close', () => {
    locked.reject(
      new Error(
        `${file} was held by another process for ${PATIENCE_S} s, or cannot be opened; ./drover down and then up makes another`,
      ),
    );
    ended.resolve();
  });
  child.stdout.once('data', () => locked.resolve());
  await locked.promise;
  return () => {
    child.stdin.end();
    return ended.promise;
  };
}
