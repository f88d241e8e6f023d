/** An installation as an operator has it: started, looked at and stopped by `./drover`, in a home of its own. */
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { FleetApi } from '@drover/testing';
import { timed } from './figure.js';
import { costOf } from './process-cost.js';

const launcher = path.resolve(import.meta.dirname, '../../drover');

/** By part, as `./drover status` names them. */
export type ByPart = Readonly<Record<string, number>>;

export interface IdleCost {
  /** Percent of a core. */
  readonly cpuPercent: ByPart;
  readonly memoryMiB: ByPart;
}

export class BenchInstallation {
  readonly #home: string;

  private constructor(home: string) {
    this.#home = home;
  }

  static async create(): Promise<BenchInstallation> {
    return new BenchInstallation(await mkdtemp(path.join(tmpdir(), 'drover-bench-')));
  }

  /** Seconds until every host takes VMs. */
  async up(hosts: number): Promise<number> {
    const wanted = ['up', '--detach', '--hypervisor', 'simulated', '--hosts', String(hosts)];
    return (await timed(() => this.run(...wanted))) / 1000;
  }

  /** Seconds until all has ended, and what is left on disk is removed. */
  async remove(): Promise<number> {
    const seconds = (await timed(() => this.run('down'))) / 1000;
    await rm(this.#home, { recursive: true, force: true });
    return seconds;
  }

  /** A command of the launcher; fails unless it ends with 0. What it prints is given back. */
  async run(...args: readonly string[]): Promise<string> {
    const child = spawn(launcher, args, {
      env: { ...process.env, DROVER_HOME: this.#home, CI: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const said = { out: '', err: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said.out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said.err += text));
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    if (code !== 0)
      throw new Error(
        `./drover ${args.join(' ')} ended with ${code}: ${said.err.slice(-2000)}${said.out.slice(-2000)}`,
      );
    return said.out;
  }

  async api(): Promise<FleetApi> {
    const [, url = ''] = /^API +(http:\S+)$/m.exec(await this.run('status')) ?? [];
    const token = (await readFile(path.join(this.#home, 'secrets', 'api-token'), 'utf8')).trim();
    return new FleetApi(url, token);
  }

  /** What each part uses over so many seconds in which it is asked for nothing. */
  async idleCost(seconds: number): Promise<IdleCost> {
    const parts = [...(await this.run('status')).matchAll(/^(\S+) +(\d+) +healthy|^(\S+) +(\d+) +running/gm)].map(
      ([, healthy, pid, running, itsPid]) => ({ name: healthy ?? running ?? '', pid: Number(pid ?? itsPid) }),
    );
    if (!parts.some(({ name }) => name === 'control-plane')) throw new Error('the control plane does not run');
    const before = parts.map(({ pid }) => costOf(pid).cpuSeconds);
    await delay(seconds * 1000);
    const after = parts.map(({ pid }) => costOf(pid));
    const byPart = (valueOf: (index: number) => number): ByPart =>
      Object.fromEntries(parts.map(({ name }, index) => [name, valueOf(index)]));
    return {
      cpuPercent: byPart((index) => (((after[index]?.cpuSeconds ?? 0) - (before[index] ?? 0)) / seconds) * 100),
      memoryMiB: byPart((index) => after[index]?.residentMiB ?? 0),
    };
  }

  /** How many lines of all logs say this. */
  async logged(message: string): Promise<number> {
    const folder = path.join(this.#home, 'logs');
    const files = (await readdir(folder)).filter((name) => name.endsWith('.log'));
    const texts = await Promise.all(files.map((name) => readFile(path.join(folder, name), 'utf8')));
    return texts.join('\n').split(`"message":"${message}"`).length - 1;
  }
}
