/** What one home has running, in the order it was started: `down` stops these, last first, and nothing else. */
import path from 'node:path';
import { readIfPresent, replaceFile } from './files.js';
import type { Home } from './home.js';
import { postgresHasEnded } from './postgres-server.runner.js';
import { isRunning, stopProcess } from './process-identity.js';
import type { ProcessIdentity } from './process-identity.js';

export interface ManagedProcess {
  readonly name: string;
  readonly identity: ProcessIdentity;
  readonly logFile: string;
  /** How it is asked to end. */
  readonly stopSignal: 'SIGTERM' | 'SIGINT';
  /** How long it may take before it is killed. */
  readonly patienceMs: number;
  /** Of PostgreSQL: it has ended when none of its processes works there any more. */
  readonly postgresFolder?: string;
}

/** `left-running`: others use it, so it is not this home's any more. */
export type Ending = 'was-gone' | 'stopped' | 'killed' | 'left-running';

export class ProcessTable {
  readonly #file: string;

  constructor(home: Home) {
    this.#file = path.join(home.runFolder, 'processes.json');
  }

  async list(): Promise<readonly ManagedProcess[]> {
    const text = await readIfPresent(this.#file);
    return text === undefined ? [] : (JSON.parse(text) as readonly ManagedProcess[]);
  }

  async running(name: string): Promise<ManagedProcess | undefined> {
    return (await this.list()).find((entry) => entry.name === name && isRunning(entry.identity));
  }

  /** Takes the place of an earlier process of that name, which others may have been started after. */
  async add(added: ManagedProcess): Promise<void> {
    const before = await this.list();
    const isKnown = before.some(({ name }) => name === added.name);
    await this.#write(
      isKnown ? before.map((entry) => (entry.name === added.name ? added : entry)) : [...before, added],
    );
  }

  /**
   * Stops them, last started first; calls back after each. What is gone already is only forgotten, and so is what others use.
   *
   * @param isUsedByOthers is asked of each that runs, when what was started after it has ended.
   * @param isMeant by default all.
   */
  async stopAll(
    onEnd: (process: ManagedProcess, how: Ending) => void,
    isUsedByOthers: (process: ManagedProcess) => Promise<boolean> = () => Promise.resolve(false),
    isMeant: (process: ManagedProcess) => boolean = () => true,
  ): Promise<void> {
    let left = await this.list();
    for (const one of [...left].reverse().filter(isMeant)) {
      const isLeft = isRunning(one.identity) && (await isUsedByOthers(one));
      const how = isLeft ? 'left-running' : await stopProcess(one.identity, one.stopSignal, one.patienceMs);
      if (!isLeft && one.postgresFolder !== undefined) await postgresHasEnded(one.postgresFolder);
      left = left.filter(({ name }) => name !== one.name);
      await this.#write(left);
      onEnd(one, how);
    }
  }

  #write(entries: readonly ManagedProcess[]): Promise<void> {
    return replaceFile(this.#file, `${JSON.stringify(entries, undefined, 2)}\n`, 0o600);
  }
}
