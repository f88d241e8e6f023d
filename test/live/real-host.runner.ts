/**
 * One host on real libvirt and QEMU, with a whole Drover on it: what the live specs drive, and how they look at it past
 * every service of Drover.
 */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { HostResource, OperationResource, StoredEvent, VmResource, VmSpecInput } from '@drover/contracts';
import {
  Fleet,
  startPrivateLibvirtd,
  type FleetApi,
  type FleetOptions,
  type PrivateLibvirtd,
  type PrivateLibvirtdOptions,
} from '@drover/testing';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '../..');
/** An emulated processor that others use as well boots a guest in anything between 3 s and this. */
const BOOT_PATIENCE_MS = 120_000;

/** The folder of images that all live specs share; `remove` does nothing to one that was given. */
export interface ImageFolder {
  readonly path: string;
  remove(): Promise<void>;
}

/** Where `DROVER_IMAGE_FOLDER` says, else a new folder; the image `guest` is built into it unless it is there. */
export async function ensureImages(): Promise<ImageFolder> {
  const given = process.env['DROVER_IMAGE_FOLDER'];
  if (given !== undefined) {
    await buildGuestImage(given);
    return { path: given, remove: () => Promise.resolve() };
  }
  const folder = await mkdtemp(path.join(tmpdir(), 'drover-images-'));
  await buildGuestImage(folder);
  return { path: folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** What was downloaded for it is kept for the next time. */
export async function buildGuestImage(folder: string): Promise<void> {
  await run(process.execPath, [path.join(root, 'tools/guest-image/main.mjs'), folder, '/var/lib/drover/cache']);
}

/** One disk of the image `guest`, named `root`. */
export const guestSpec: VmSpecInput = { disks: [{ name: 'root', image: 'guest' }] };

/** As libvirt knows a VM of ours. */
export const domainOf = (vmId: string): string => `drover-${vmId}`;

export interface RealHostOptions extends PrivateLibvirtdOptions {
  readonly images?: ImageFolder;
  readonly homeFolder?: string;
  readonly furtherPools?: FleetOptions['furtherPools'];
  readonly environment?: FleetOptions['environment'];
}

/** A domain that Drover did not make. */
export interface OtherDomain {
  readonly name: string;
  readonly uuid: string;
  readonly memoryMiB: number;
  readonly mark?: string;
}

export const domainXml = ({ name, uuid, memoryMiB, mark = '' }: OtherDomain): string =>
  `<domain type='qemu'><name>${name}</name><uuid>${uuid}</uuid><memory unit='MiB'>${memoryMiB}</memory>
    <metadata>${mark}</metadata><os><type arch='x86_64'>hvm</type></os></domain>`;

/** The mark of a fleet, as Drover writes it. */
export const markOf = (fleetId: string, vmId: string): string =>
  `<drover:vm xmlns:drover='urn:drover:vm:1' fleet='${fleetId}' id='${vmId}' epoch='1' generation='1' command='${randomUUID()}'/>`;

export class RealHost {
  readonly libvirtd: PrivateLibvirtd;
  readonly fleet: Fleet;
  readonly #images: ImageFolder;
  readonly #probes = new Set<string>();

  private constructor(libvirtd: PrivateLibvirtd, fleet: Fleet, images: ImageFolder) {
    this.libvirtd = libvirtd;
    this.fleet = fleet;
    this.#images = images;
  }

  /**
   * @param options `images` in place of the shared ones, `homeFolder` in place of a new one that is removed at the end.
   * @param prepare does what the machine's administrator would, before Drover is there.
   */
  static async start(
    options: RealHostOptions = {},
    prepare: (libvirtd: PrivateLibvirtd) => Promise<void> = () => Promise.resolve(),
  ): Promise<RealHost> {
    const images = options.images ?? (await ensureImages());
    const libvirtd = await startPrivateLibvirtd(options);
    try {
      await prepare(libvirtd);
      const { socketPath: libvirtSocket } = libvirtd;
      const fleet = await Fleet.start({
        hypervisor: 'libvirt',
        libvirtSocket,
        imageFolder: images.path,
        ...(options.homeFolder === undefined ? {} : { homeFolder: options.homeFolder }),
        ...(options.environment === undefined ? {} : { environment: options.environment }),
        ...(options.furtherPools === undefined ? {} : { furtherPools: options.furtherPools }),
      });
      return new RealHost(libvirtd, fleet, images);
    } catch (error) {
      await libvirtd.stop();
      await images.remove();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.fleet.stop();
    await this.libvirtd.stop();
    await this.#images.remove();
  }

  get api(): FleetApi {
    return this.fleet.api;
  }

  virsh(...words: string[]): Promise<string> {
    return this.libvirtd.virsh(...words);
  }

  /** A VM of the guest image, running. */
  async create(name: string, spec: VmSpecInput = guestSpec): Promise<VmResource> {
    await this.api.succeed('POST', '/vms', { name, spec }, BOOT_PATIENCE_MS);
    return this.api.vm(name);
  }

  /** Writes and gives the operation as it ended, whichever way. */
  async end(method: string, target: string, body?: unknown, patienceMs = 120_000): Promise<OperationResource> {
    return this.api.ended(await this.api.begin(method, target, body), patienceMs);
  }

  async typesOf(vmIdOrName: string): Promise<readonly string[]> {
    return (await this.api.history(vmIdOrName)).map((event) => event.type);
  }

  /** Events of a VM behind the first `count`. */
  async since(vmId: string, count: number): Promise<readonly StoredEvent[]> {
    return (await this.api.history(vmId)).slice(count);
  }

  /** Types of those events, each with the cause that it tells. */
  async causesSince(vmId: string, count: number): Promise<readonly string[]> {
    const events = await this.since(vmId, count);
    return events.map(({ data, type }) => `${type} ${String((data as { readonly cause?: unknown }).cause)}`);
  }

  async host(): Promise<HostResource> {
    return this.api.expectDone<HostResource>('GET', `/hosts/${this.fleet.hosts[0]?.id}`);
  }

  /** In libvirt's words: `running`, `paused`, `shut off`. */
  async stateOf(domain: string): Promise<string> {
    return (await this.virsh('domstate', domain)).trim();
  }

  /** Names of all domains, in order. */
  async domains(): Promise<readonly string[]> {
    return lines(await this.virsh('list', '--all', '--name')).sort();
  }

  async volumes(pool = 'drover-default'): Promise<readonly string[]> {
    await this.virsh('pool-refresh', pool);
    return lines(await this.virsh('vol-list', pool)).map((line) => line.split(/\s+/)[0] ?? '');
  }

  /** Asks the guest agent of a VM, through libvirt. */
  async askAgent<Value>(vmId: string, execute: string, args: object = {}, timeoutSeconds = 10): Promise<Value> {
    const question = JSON.stringify({ execute, arguments: args });
    const answer = await this.virsh('qemu-agent-command', vmId, question, '--timeout', String(timeoutSeconds));
    return (JSON.parse(answer) as { return: Value }).return;
  }

  /** Waits until the guest agent answers. */
  async agentAnswers(vmId: string): Promise<void> {
    await this.api.until(
      `the guest agent of ${vmId} answers`,
      async () => {
        await this.askAgent(vmId, 'guest-ping', {}, 2);
        return true;
      },
      BOOT_PATIENCE_MS,
    );
  }

  /** How often the guest has booted from its disk, read on that disk by the guest itself. */
  async bootCount(vmId: string): Promise<number> {
    await this.agentAnswers(vmId);
    const handle = await this.askAgent<number>(vmId, 'guest-file-open', { path: '/data/boot-count' });
    const { 'buf-b64': content } = await this.askAgent<{ 'buf-b64': string }>(vmId, 'guest-file-read', { handle });
    return Number(Buffer.from(content, 'base64').toString());
  }

  /** Waits for a boot after others; an agent that answers may still be the one before it. */
  async bootCountReaches(vmId: string, count: number): Promise<void> {
    await this.api.until(
      `VM ${vmId} has booted ${count} times`,
      async () => ((await this.bootCount(vmId)) === count ? true : undefined),
      BOOT_PATIENCE_MS,
    );
  }

  /** Runs a program in the guest and waits for its end. */
  async runInGuest(vmId: string, program: string, ...words: string[]): Promise<{ exitCode: number; output: string }> {
    const { pid } = await this.askAgent<{ pid: number }>(vmId, 'guest-exec', {
      path: program,
      arg: words,
      'capture-output': true,
    });
    return this.api.until(`${program} has ended in the guest`, async () => {
      type Status = { exited: boolean; exitcode?: number; 'out-data'?: string };
      const status = await this.askAgent<Status>(vmId, 'guest-exec-status', { pid });
      if (!status.exited) return undefined;
      return {
        exitCode: status.exitcode ?? -1,
        output: Buffer.from(status['out-data'] ?? '', 'base64').toString(),
      };
    });
  }

  /**
   * Starts the agent anew, which then gives a full list, and resolves when that list has been settled: a domain with the mark
   * of this fleet that no store knows is told as a stray from a full list alone.
   */
  async fullListSettled(): Promise<void> {
    const uuid = randomUUID();
    const file = path.join(this.libvirtd.dir, 'probe.xml');
    await writeFile(
      file,
      domainXml({ name: domainOf(uuid), uuid, memoryMiB: 32, mark: markOf(this.fleet.fleetId, uuid) }),
    );
    await this.virsh('define', file);
    await this.fleet.crash('node-agent');
    await this.api.until('a full list has been settled', async () =>
      (await this.strays()).some((vmId) => vmId === uuid) ? true : undefined,
    );
    await this.virsh('undefine', uuid);
    this.#probes.add(uuid);
    // A busy machine may start the agent so slowly that its host is suspected meanwhile.
    await this.api.hostsAlive(1);
  }

  /** VMs of this fleet that the host lists and the store does not know, without the probes of full lists. */
  async strays(): Promise<readonly string[]> {
    const { strays = [] } = await this.host();
    return strays.map(({ vmId }) => vmId as string).filter((vmId) => !this.#probes.has(vmId));
  }

  /** Runs a program in the mount namespace of libvirtd, where its pools are. */
  async inNamespace(...words: string[]): Promise<void> {
    await run('nsenter', ['--target', String(this.libvirtd.pid), '--mount', '--', ...words]);
  }
}

function lines(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}
