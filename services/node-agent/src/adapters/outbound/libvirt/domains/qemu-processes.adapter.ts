import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { hasCode } from '@drover/domain-kit';
import { errors } from '@drover/contracts';

/** A QEMU process that libvirt started, now or at any time before. */
export interface QemuProcess {
  readonly pid: number;
  /** In clock ticks since the host booted: with the process id it names one process for ever. */
  readonly startTicks: string;
  readonly uuid: string;
  /** The name of its domain. */
  readonly name: string;
  readonly vcpus: number;
  /** What it says that its guest has, and no more than the kernel has mapped for it. */
  readonly memoryMiB: number;
}

/** How long a process may take to go after SIGKILL; one that waits for a dead disk goes later or never. */
const END_MS = 10_000;
const END_POLL_MS = 20;

/**
 * The QEMU processes of this host, from the kernel: what runs whether or not libvirt knows of it.
 *
 * Several libvirts may share one kernel, each with a host of its own. A process belongs to this host where it sees the same
 * directory as `/run/libvirt` as the one that our socket is in.
 *
 * Any user may call a process whatever he likes. So only those of root, of this agent's own user and of libvirt's user for QEMU
 * are believed, and of the others nothing more is read.
 */
export class QemuProcesses {
  readonly #runFolder: string;
  readonly #procFolder: string;
  readonly #qemuFolder: string;
  #next: Promise<readonly QemuProcess[]> | undefined;
  #current: Promise<unknown> = Promise.resolve();

  /** @param qemuFolder belongs to the user that libvirt runs QEMU as. */
  constructor(runFolder = '/run/libvirt', procFolder = '/proc', qemuFolder = '/var/lib/libvirt/qemu') {
    this.#runFolder = runFolder;
    this.#procFolder = procFolder;
    this.#qemuFolder = qemuFolder;
  }

  /** By a look that begins after this call; all who wait for one share it. */
  all(): Promise<readonly QemuProcess[]> {
    this.#next ??= this.#current.then(() => {
      this.#next = undefined;
      const look = this.#look();
      // Those who wait for this look get its error; the next look is made all the same.
      this.#current = look.catch(() => undefined);
      return look;
    });
    return this.#next;
  }

  async isThere(process: QemuProcess): Promise<boolean> {
    const seen = await this.#read(String(process.pid));
    return seen !== undefined && seen.startTicks === process.startTicks && seen.uuid === process.uuid;
  }

  /** Kills exactly this process, and resolves when it is gone. */
  async end(target: QemuProcess): Promise<void> {
    if (!(await this.isThere(target))) return;
    killIfThere(target.pid);
    const untilMs = performance.now() + END_MS;
    while (await this.isThere(target)) {
      if (performance.now() > untilMs) {
        throw errors.VM_UNRESPONSIVE('unknown', `process ${target.pid} was killed and has not gone`);
      }
      await delay(END_POLL_MS);
    }
  }

  async #look(): Promise<readonly QemuProcess[]> {
    const names = (await readdir(this.#procFolder)).filter((name) => /^\d+$/.test(name));
    const found = await Promise.all(names.map((name) => this.#read(name)));
    return found.filter((process) => process !== undefined);
  }

  async #read(pid: string): Promise<QemuProcess | undefined> {
    const folder = path.join(this.#procFolder, pid);
    // The line of `stat` is read first, because the kernel tells it without waiting for the process.
    const line = await orGone(readFile(path.join(folder, 'stat'), 'utf8'));
    const parsed = /^\d+ \((?:qemu|kvm).*\) (?:\S+ ){19}(\d+) (\d+) /s.exec(line ?? '');
    const [, startTicks, vmSizeBytes] = parsed ?? [];
    if (startTicks === undefined || !(await this.#isBelieved(folder)) || !(await this.#isOfThisHost(folder)))
      return undefined;
    const facts = readCommandLine((await orGone(readFile(path.join(folder, 'cmdline'), 'utf8'))) ?? '');
    if (facts === undefined) return undefined;
    // Who may start a QEMU may write any number behind `-m`; its guest's memory is mapped from the beginning.
    const mappedMiB = Math.ceil(Number(vmSizeBytes) / 2 ** 20);
    return { pid: Number(pid), startTicks, ...facts, memoryMiB: Math.min(facts.memoryMiB, mappedMiB) };
  }

  async #isBelieved(folder: string): Promise<boolean> {
    // The owner of the folder would not do: it is root's for a process that may not be traced.
    const status = await orGone(readFile(path.join(folder, 'status'), 'utf8'));
    const uid = /^Uid:\t(\d+)\t/m.exec(status ?? '')?.[1];
    if (uid === undefined) return false;
    if (uid === '0' || uid === String(process.getuid?.())) return true;
    return uid === String((await orGone(stat(this.#qemuFolder)))?.uid);
  }

  async #isOfThisHost(folder: string): Promise<boolean> {
    const [own, seen] = await Promise.all([
      orGone(stat(this.#runFolder)),
      orGone(stat(path.join(folder, 'root/run/libvirt'))),
    ]);
    return own !== undefined && seen !== undefined && own.dev === seen.dev && own.ino === seen.ino;
  }
}

/** Undefined where the arguments are not those of a VM that libvirt runs. */
export function readCommandLine(commandLine: string): Omit<QemuProcess, 'pid' | 'startTicks'> | undefined {
  const words = commandLine.split('\0');
  const after = (option: string) => (words.includes(option) ? (words[words.indexOf(option) + 1] ?? '') : '');
  const uuid = after('-uuid').toLowerCase();
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(uuid)) return undefined;
  return {
    uuid,
    name: (/^guest=([^,]*)/.exec(after('-name'))?.[1] ?? '').slice(0, 200),
    vcpus: Math.min(Number(/^\d+/.exec(after('-smp'))?.[0] ?? 1), 8192),
    memoryMiB: memoryMiB(after('-m')),
  };
}

/** `512`, `size=524288k` or `512M`; QEMU counts in MiB where no unit is said. */
function memoryMiB(value: string): number {
  const [, count = '0', unit = 'm'] = /^(?:size=)?(\d+)([kmgt]?)/i.exec(value) ?? [];
  const perMiB = { k: 1 / 1024, '': 1, m: 1, g: 1024, t: 1024 ** 2 }[unit.toLowerCase()] ?? 1;
  return Math.min(Math.ceil(Number(count) * perMiB), 2 ** 31);
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error;
  }
}

/** A process may end at any moment, also between two looks at it, and a zombie has neither root nor arguments. */
async function orGone<Value>(read: Promise<Value>): Promise<Value | undefined> {
  try {
    return await read;
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ESRCH', 'EACCES', 'EINVAL')) return undefined;
    throw error;
  }
}
