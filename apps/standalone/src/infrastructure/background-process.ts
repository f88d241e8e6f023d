import { spawn } from 'node:child_process';
import { appendFileSync, closeSync, constants, existsSync, fchownSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { Socket } from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { olderLog } from './bounded-logs.js';
import { errorCode } from '@drover/domain-kit';
import { identify, isRunning, stopProcess } from './process-identity.js';
import type { ProcessIdentity } from './process-identity.js';
import type { SystemUser } from './system-users.js';

export interface BackgroundCommand {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Gets what the program prints; appended to. */
  readonly logFile: string;
  /** By default what any program needs, and nothing of ours. */
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Told as soon as the process exists, long before it serves, so that it is never left behind unknown. */
  readonly onLaunched?: (identity: ProcessIdentity) => Promise<void>;
  readonly user?: SystemUser;
  /** It says on a descriptor of its own when it works (`notifyStarter`), and is not ready before. */
  readonly notifies?: boolean;
  /** Who keeps the log from growing without end (`keepLogsBounded`); by default the user himself. */
  readonly logKeeper?: SystemUser;
}

/** A part did not come up. Its message is for the operator, and ends with what the part itself said last. */
export class StartFailure extends Error {
  override readonly name = 'StartFailure';
}

/** Asked again and again until true; may throw what makes further waiting senseless. */
export type ReadyProbe = (identity: ProcessIdentity) => Promise<boolean> | boolean;

const pollMs = 20;

const NOTIFY_DESCRIPTOR = 3;

/** Said by a process that was started with `notifies`, once it works. */
export function notifyStarter(): void {
  try {
    writeSync(NOTIFY_DESCRIPTOR, 'works\n');
  } catch (error) {
    // Who started it has gone meanwhile.
    if (errorCode(error) !== 'EPIPE') throw error;
  }
  closeSync(NOTIFY_DESCRIPTOR);
}

/** Of those that this process started: settled when the kernel has said how they ended, which is a moment after they are gone. */
const endings = new Map<string, Promise<string>>();
const keyOf = ({ pid, startTicks }: ProcessIdentity) => `${pid} ${startTicks}`;

/** `status 1`, or the signal. Waits for the end; undefined at once for what another process started. */
export async function endingOf(identity: ProcessIdentity): Promise<string | undefined> {
  const ending = endings.get(keyOf(identity));
  if (ending === undefined) return undefined;
  // The child itself keeps no process alive, and one with nothing else to do would end in the midst of waiting.
  const awake = setInterval(() => undefined, 1000);
  try {
    return await ending;
  } finally {
    clearInterval(awake);
  }
}

/** What a program gets of this process's environment unless it is said otherwise: no settings, and no secrets. */
export function plainEnvironment(): NodeJS.ProcessEnv {
  const names = ['PATH', 'TZ', 'LANG', 'LC_ALL'];
  return Object.fromEntries(
    names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
}

/**
 * Starts a program in a session of its own, so that it outlives the process that started it and gets no Ctrl-C of the terminal,
 * and resolves when the probe says that it serves. If it ends before, or never gets ready, it is stopped, and the error
 * carries the last lines of its log.
 */
export async function startInBackground(
  command: BackgroundCommand,
  isReady: ReadyProbe,
  timeoutMs = 30_000,
): Promise<ProcessIdentity> {
  mkdirSync(path.dirname(command.logFile), { recursive: true });
  const { identity, hasNotified } = await launch(command);
  const deadline = performance.now() + timeoutMs;
  try {
    await command.onLaunched?.(identity);
    for (;;) {
      // Before and after it is asked: what answers in place of a part that has ended is not this part.
      if (!isRunning(identity)) {
        throw new Error(`${command.name} ended while starting (${await endingOf(identity)})`);
      }
      if (hasNotified() && (await isReady(identity)) && isRunning(identity)) return identity;
      if (performance.now() > deadline) throw new Error(`${command.name} was not ready after ${timeoutMs} ms`);
      await delay(pollMs);
    }
  } catch (error) {
    await stopProcess(identity);
    const lastLines = await tail(command.logFile, 2000);
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartFailure(`${reason}; the end of ${command.logFile}:\n${lastLines}`, { cause: error });
  }
}

interface Launched {
  readonly identity: ProcessIdentity;
  readonly hasNotified: () => boolean;
}

async function launch(command: BackgroundCommand): Promise<Launched> {
  const log = openLog(command);
  try {
    const child = spawn(command.command, [...command.args], {
      stdio: ['ignore', log, log, ...(command.notifies === true ? (['pipe'] as const) : [])],
      detached: true,
      env: command.env ?? plainEnvironment(),
      ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
      ...command.user,
    });
    const ended = new Promise<string>((resolve) => {
      child.once('exit', (code, signal) => {
        const how = signal ?? `status ${code}`;
        noteEnd(command, how);
        resolve(how);
      });
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (cause) =>
        reject(new StartFailure(`cannot start ${command.name} (${command.command})`, { cause })),
      );
    });
    let hasNotified = command.notifies !== true;
    const notices = child.stdio[NOTIFY_DESCRIPTOR];
    notices?.once('data', () => (hasNotified = true));
    if (notices instanceof Socket) notices.unref();
    const identity = child.pid === undefined ? undefined : identify(child.pid);
    child.unref();
    if (identity === undefined) {
      throw new StartFailure(`${command.name} ended at once (${await ended}):\n${await tail(command.logFile, 2000)}`);
    }
    endings.set(keyOf(identity), ended);
    return { identity, hasNotified: () => hasNotified };
  } finally {
    closeSync(log);
  }
}

/** Next to it stands the file for what was in it before, so that its keeper needs no right to the folder. */
function openLog({ logFile, logKeeper }: BackgroundCommand): number {
  const [log, older] = [logFile, olderLog(logFile)].map((file) =>
    openSync(file, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW, 0o600),
  ) as [number, number];
  if (logKeeper !== undefined) for (const fd of [log, older]) fchownSync(fd, logKeeper.uid, logKeeper.gid);
  closeSync(older);
  return log;
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
