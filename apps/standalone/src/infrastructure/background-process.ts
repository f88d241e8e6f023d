import { spawn } from 'node:child_process';
import { appendFileSync, closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { identify, isRunning, stopProcess } from './process-identity.js';
import type { ProcessIdentity } from './process-identity.js';

export interface BackgroundCommand {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Gets what the program prints; appended to. */
  readonly logFile: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Told as soon as the process exists, long before it serves, so that it is never left behind unknown. */
  readonly onLaunched?: (identity: ProcessIdentity) => Promise<void>;
  readonly user?: { readonly uid: number; readonly gid: number };
}

/** A part did not come up. Its message is for the operator, and ends with what the part itself said last. */
export class StartFailure extends Error {
  override readonly name = 'StartFailure';
}

/** Asked again and again until true; may throw what makes further waiting senseless. */
export type ReadyProbe = (identity: ProcessIdentity) => Promise<boolean> | boolean;

const pollMs = 20;

/**
 * Starts a program in a session of its own, so that it outlives whoever started it and gets no Ctrl-C of the terminal,
 * and resolves when the probe says that it serves. If it ends before, or never gets ready, it is stopped, and the error
 * carries the last lines of its log.
 */
export async function startInBackground(
  command: BackgroundCommand,
  isReady: ReadyProbe,
  timeoutMs = 30_000,
): Promise<ProcessIdentity> {
  mkdirSync(path.dirname(command.logFile), { recursive: true });
  const identity = await launch(command);
  const deadline = performance.now() + timeoutMs;
  try {
    await command.onLaunched?.(identity);
    while (!(await isReady(identity))) {
      if (!isRunning(identity)) throw new Error(`${command.name} ended while starting`);
      if (performance.now() > deadline) throw new Error(`${command.name} was not ready after ${timeoutMs} ms`);
      await delay(pollMs);
    }
    return identity;
  } catch (error) {
    await stopProcess(identity);
    const lastLines = await tail(command.logFile, 2000);
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartFailure(`${reason}; the end of ${command.logFile}:\n${lastLines}`, { cause: error });
  }
}

async function launch(command: BackgroundCommand): Promise<ProcessIdentity> {
  const log = openSync(command.logFile, 'a', 0o600);
  try {
    const child = spawn(command.command, [...command.args], {
      stdio: ['ignore', log, log],
      detached: true,
      env: command.env ?? process.env,
      ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
      ...command.user,
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (cause) =>
        reject(new StartFailure(`cannot start ${command.name} (${command.command})`, { cause })),
      );
    });
    child.once('exit', (code, signal) => noteEnd(command, signal ?? `status ${code}`));
    child.unref();
    const identity = child.pid === undefined ? undefined : identify(child.pid);
    if (identity === undefined) {
      throw new StartFailure(`${command.name} ended at once:\n${await tail(command.logFile, 2000)}`);
    }
    return identity;
  } finally {
    closeSync(log);
  }
}

/** What ends without a word, by a signal above all, leaves this line as its last; seen only while its starter lives. */
function noteEnd(command: BackgroundCommand, how: string): void {
  // A home that is removed with its log is not made again.
  if (existsSync(command.logFile)) appendFileSync(command.logFile, `${command.name} ended: ${how}\n`);
}

/** The last bytes of a file as text. */
export async function tail(file: string, bytes: number): Promise<string> {
  const handle = await open(file, 'r');
  try {
    const { size } = await handle.stat();
    const start = Math.max(0, size - bytes);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(size - start), 0, size - start, start);
    return buffer.toString('utf8', 0, bytesRead).trimEnd();
  } finally {
    await handle.close();
  }
}
