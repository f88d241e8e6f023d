import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

const run = promisify(execFile);
const builder = path.join(import.meta.dirname, '../../../tools/guest-image/main.mjs');
const bootTimeoutMs = 120_000;

interface ImageDescription {
  readonly disk: string;
  readonly kernel: string;
  readonly initramfs: string;
  readonly commandLine: string;
}

/** The image `guest` on a QEMU of its own, without libvirt, on an emulated processor. */
class GuestMachine {
  readonly #folder: string;
  readonly #process: ChildProcess;

  constructor(folder: string, imageFolder: string, image: ImageDescription, diskFile: string) {
    this.#folder = folder;
    const inImage = (file: string) => path.join(imageFolder, file);
    const socket = (name: string) => `socket,id=${name},path=${path.join(folder, name)},server=on,wait=off`;
    this.#process = spawn('qemu-system-x86_64', [
      ...['-machine', 'q35', '-accel', 'tcg', '-m', '128', '-display', 'none', '-nodefaults', '-no-user-config'],
      ...['-kernel', inImage(image.kernel), '-initrd', inImage(image.initramfs), '-append', image.commandLine],
      ...['-drive', `file=${diskFile},if=virtio,format=qcow2`, '-device', 'virtio-serial-pci'],
      ...['-chardev', socket('agent'), '-device', 'virtserialport,chardev=agent,name=org.qemu.guest_agent.0'],
      ...['-chardev', socket('monitor'), '-mon', 'chardev=monitor,mode=control'],
      ...['-serial', `file:${path.join(folder, 'console')}`],
    ]);
  }

  /** What the guest has on its data disk, once its agent answers. */
  async bootCount(): Promise<number> {
    await this.agentAnswers();
    const handle = await this.ask('agent', 'guest-file-open', { path: '/data/boot-count' });
    const answer = (await this.ask('agent', 'guest-file-read', { handle })) as { 'buf-b64': string };
    return Number(Buffer.from(answer['buf-b64'], 'base64').toString());
  }

  async agentAnswers(): Promise<void> {
    const deadline = performance.now() + bootTimeoutMs;
    for (;;) {
      const answer = await this.ask('agent', 'guest-ping', {}, 1_000).catch(() => undefined);
      if (answer !== undefined) return;
      if (performance.now() > deadline) throw new Error(`no agent answers; the console says:\n${await this.console()}`);
      await delay(50);
    }
  }

  /** One question on a connection of its own. */
  async ask(socketName: string, execute: string, args: object, timeoutMs = 30_000): Promise<unknown> {
    const socket = await connectTo(path.join(this.#folder, socketName));
    try {
      const id = Math.floor(performance.now() * 1_000);
      // An agent that was asked before it listened answers that first, to the client that is connected at that moment.
      const greeting =
        socketName === 'monitor' ? { execute: 'qmp_capabilities' } : { execute: 'guest-sync', arguments: { id } };
      socket.write(`${JSON.stringify(greeting)}\n${JSON.stringify({ execute, arguments: args, id })}\n`);
      let isNext = socketName === 'monitor';
      for await (const line of createInterface({ input: socket, signal: AbortSignal.timeout(timeoutMs) })) {
        const message = JSON.parse(line) as { id?: number; return?: unknown; error?: unknown };
        if (isNext && message.error !== undefined) throw new Error(`${execute}: ${JSON.stringify(message.error)}`);
        if (isNext && (message.id === id || socketName === 'agent')) return message.return;
        isNext ||= message.return === id;
      }
      throw new Error(`${execute} was not answered`);
    } finally {
      socket.destroy();
    }
  }

  async console(): Promise<string> {
    return readFile(path.join(this.#folder, 'console'), 'utf8');
  }

  async ended(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) await once(this.#process, 'exit');
  }

  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.ended();
  }
}

async function connectTo(file: string): Promise<Socket> {
  const socket = createConnection(file);
  await once(socket, 'connect');
  return socket;
}

describe('the guest image', () => {
  let folder: string;
  let imageFolder: string;
  let image: ImageDescription;
  let machineFolder: string;
  let diskFile: string;
  let machine: GuestMachine | undefined;

  const build = () => run(process.execPath, [builder, path.join(folder, 'images'), '/var/lib/drover/cache']);
  const boot = () => (machine = new GuestMachine(machineFolder, imageFolder, image, diskFile));

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'drover-guest-'));
    imageFolder = (await build()).stdout.trim();
    image = JSON.parse(await readFile(path.join(imageFolder, 'image.json'), 'utf8')) as ImageDescription;
  }, 180_000);
  beforeEach(async () => {
    machineFolder = await mkdtemp(path.join(folder, 'machine-'));
    diskFile = path.join(machineFolder, 'disk.qcow2');
    const backing = path.join(imageFolder, image.disk);
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', backing, diskFile]);
  });
  afterEach(async () => {
    await machine?.kill();
    machine = undefined;
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('is not built again when nothing changed', async () => {
    const before = await readFile(path.join(imageFolder, 'image.json'), 'utf8');
    await build();
    expect(await readFile(path.join(imageFolder, 'image.json'), 'utf8')).toBe(before);
  });

  it('counts its boots on its own disk, and powers off by the power button', async () => {
    const first = boot();
    expect(await first.bootCount()).toBe(1);
    await first.ask('monitor', 'system_powerdown', {});
    await first.ended();
    const second = boot();
    expect(await second.bootCount()).toBe(2);
    expect(await second.console()).toContain('drover guest: boot 2');
  });

  it('keeps its count over a power cut', async () => {
    const first = boot();
    expect(await first.bootCount()).toBe(1);
    await first.kill();
    expect(await boot().bootCount()).toBe(2);
  });

  it('reboots when its agent is asked to', async () => {
    const guest = boot();
    expect(await guest.bootCount()).toBe(1);
    await guest.ask('agent', 'guest-shutdown', { mode: 'reboot' }, 5_000).catch(() => undefined);
    while (!(await guest.console()).includes('drover guest: boot 2')) await delay(100);
    expect(await guest.bootCount()).toBe(2);
  });

  it('runs programs for its agent', async () => {
    const guest = boot();
    await guest.agentAnswers();
    const args = { path: 'cat', arg: ['/data/boot-count'], 'capture-output': true };
    const { pid } = (await guest.ask('agent', 'guest-exec', args)) as { pid: number };
    for (;;) {
      const result = (await guest.ask('agent', 'guest-exec-status', { pid })) as {
        exited: boolean;
        'out-data'?: string;
      };
      if (!result.exited) continue;
      expect(Buffer.from(result['out-data'] ?? '', 'base64').toString()).toBe('1\n');
      return;
    }
  });
});
