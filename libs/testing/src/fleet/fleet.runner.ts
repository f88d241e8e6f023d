/**
 * A whole Drover on this machine for tests and benches: nats-server in operator mode, PostgreSQL, and each service as a
 * process of its own, so that any of them can be killed, frozen and started again. Compiled code runs (`tools/build.mjs`).
 */
import { existsSync } from 'node:fs';
import { chmod, cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ADMINISTRATOR_INBOX, inboxOfHost, type BuiltService, type HostId } from '@drover/contracts';
import {
  configure,
  credentialsFileOf,
  EVENTS_ADMINISTRATOR,
  freePort,
  homeAt,
  hostCredentialsFileOf,
  isRunning,
  isServing,
  postgresHasEnded,
  prepareInstallation,
  programFolderFor,
  readFleetState,
  serviceCommand,
  serviceParts,
  signalProcess,
  startInBackground,
  startNatsServer,
  stopPostgresServer,
  stopProcess,
  tail,
  userOf,
  type FleetHost,
  type FurtherPool,
  type Home,
  type Installation,
  type ProcessIdentity,
} from '@drover/standalone/infrastructure';
import { FleetApi } from './fleet-api.client.js';
import { startFleetDatabase } from './fleet-database.runner.js';

export type FleetService = BuiltService | 'node-agent';
export type FleetPart = FleetService | 'nats' | 'postgres';

export interface FleetOptions {
  readonly hypervisor: 'simulated' | 'libvirt';
  /** Hosts that the node-agent process runs; 1 for libvirt. */
  readonly hosts?: number;
  /** Of a private libvirtd. */
  readonly libvirtSocket?: string;
  /** Pools of a libvirt host besides `default`. */
  readonly furtherPools?: readonly FurtherPool[];
  /** Where images are; by default the home's own, empty folder. */
  readonly imageFolder?: string;
  /** Environment of every service, over this process's own. */
  readonly environment?: NodeJS.ProcessEnv;
  /** An installation to start again, with its data; by default a new one that `stop` removes. */
  readonly homeFolder?: string;
}

/** Who somebody is on NATS: what a connection needs. */
export interface NatsUser {
  readonly servers: string;
  readonly credentialsFile: string;
  readonly inboxPrefix: string;
}

/** In the order in which they start; they stop in the opposite one. */
const startOrder: readonly FleetPart[] = [
  'nats',
  'postgres',
  'ha-manager',
  'scheduler',
  'vm-manager',
  'node-agent',
  'api-gateway',
];

const root = path.resolve(import.meta.dirname, '../../../..');
const READY_TIMEOUT_MS = 60_000;

export class Fleet {
  readonly home: Home;
  readonly hosts: readonly FleetHost[];
  readonly api: FleetApi;
  readonly databaseUrl: string;
  readonly natsUrl: string;
  /** What its domains are marked with. */
  readonly fleetId: string;
  readonly #starters: Readonly<Record<FleetPart, () => Promise<ProcessIdentity>>>;
  #keeping: Promise<void> = Promise.resolve();
  readonly #running = new Map<FleetPart, ProcessIdentity>();
  readonly #isTemporary: boolean;

  private constructor(
    facts: Pick<Fleet, 'home' | 'hosts' | 'api' | 'databaseUrl' | 'natsUrl' | 'fleetId'>,
    starters: Readonly<Record<FleetPart, () => Promise<ProcessIdentity>>>,
    isTemporary: boolean,
  ) {
    this.home = facts.home;
    this.hosts = facts.hosts;
    this.api = facts.api;
    this.databaseUrl = facts.databaseUrl;
    this.natsUrl = facts.natsUrl;
    this.fleetId = facts.fleetId;
    this.#starters = starters;
    this.#isTemporary = isTemporary;
  }

  /** Starts everything and resolves when the API is ready and every host has registered. */
  static async start(options: FleetOptions): Promise<Fleet> {
    const folder = options.homeFolder ?? (await mkdtemp(path.join(tmpdir(), 'drover-fleet-')));
    await chmod(folder, 0o755);
    const home = homeAt(folder);
    await avoidUsualPorts(home);
    const { hypervisor } = options;
    const prepared = await prepareInstallation(home, { hypervisor, count: options.hosts ?? 1 });
    const installation: Installation = {
      ...prepared,
      home: { ...home, imageFolder: options.imageFolder ?? home.imageFolder },
      ...(options.libvirtSocket === undefined ? {} : { libvirtSocket: options.libvirtSocket }),
      ...(options.furtherPools === undefined ? {} : { furtherPools: options.furtherPools }),
    };
    const { authority, hosts, state, token, users } = installation;
    const log = (name: string) => path.join(home.logFolder, `${name}.log`);
    const nats = () =>
      startNatsServer({
        ...{ folder: home.natsFolder, port: state.ports.nats, authority, users },
        logFile: log('nats-server'),
      });
    const postgres = () => startFleetDatabase(home, users);
    const database = await postgres();
    await configure(installation);
    const parts = serviceParts(true);
    const service = (name: FleetService) => async () => {
      const part = parts.find((one) => one.name === name);
      if (part === undefined) throw new Error(`there is no part ${name}`);
      const programFolder = await programFolderFor(userOf(part, { users, hypervisor }), root, home.root);
      const environment = { ...process.env, ...options.environment };
      const command = serviceCommand(part, {
        ...{ home, users, hypervisor, programFolder, environment },
        logFile: log(name),
      });
      const isReady = (identity: ProcessIdentity) => isServing(part, identity, home, state.ports.api);
      return startInBackground(command, isReady, READY_TIMEOUT_MS);
    };
    const api = new FleetApi(`http://127.0.0.1:${state.ports.api}`, token, () => fleet.#explain());
    const fleet: Fleet = new Fleet(
      {
        home,
        hosts,
        api,
        databaseUrl: database.administratorUrl,
        natsUrl: `nats://127.0.0.1:${state.ports.nats}`,
        fleetId: state.fleetId,
      },
      {
        nats,
        postgres: async () => (await postgres()).process,
        'ha-manager': service('ha-manager'),
        scheduler: service('scheduler'),
        'vm-manager': service('vm-manager'),
        'node-agent': service('node-agent'),
        'api-gateway': service('api-gateway'),
      },
      options.homeFolder === undefined,
    );
    fleet.#running.set('postgres', database.process);
    try {
      for (const part of startOrder) await fleet.startPart(part);
      await fleet.api.hostsAlive(hosts.length);
      return fleet;
    } catch (cause) {
      const report = await fleet.#explain();
      await fleet.stop();
      throw new Error(`the fleet did not come up; ${report}`, { cause });
    }
  }

  /** Starts a part that does not run; resolves when it serves. */
  async startPart(part: FleetPart): Promise<void> {
    if (this.#running.has(part)) return;
    try {
      this.#running.set(part, await this.#starters[part]());
    } catch (cause) {
      throw new Error(`${part} did not start; ${await this.#explain()}`, { cause });
    }
  }

  /** Ends a part by a signal and resolves when it is gone. */
  async endPart(part: FleetPart, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const identity = this.#identityOf(part);
    this.#running.delete(part);
    await stopProcess(identity, signal);
    if (part === 'postgres') await postgresHasEnded(this.home.postgresFolder);
  }

  /** kill -9 and start again. */
  async crash(part: FleetPart): Promise<void> {
    await this.endPart(part, 'SIGKILL');
    await this.startPart(part);
  }

  /** Stops its clock: it keeps its connections and answers nothing until it is thawed. */
  freeze(part: FleetPart): void {
    signalProcess(this.#identityOf(part), 'SIGSTOP');
  }

  thaw(part: FleetPart): void {
    signalProcess(this.#identityOf(part), 'SIGCONT');
  }

  /** The process of a running part, for what /proc says of it. */
  pidOf(part: FleetPart): number {
    return this.#identityOf(part).pid;
  }

  #identityOf(part: FleetPart): ProcessIdentity {
    const identity = this.#running.get(part);
    if (identity === undefined) throw new Error(`${part} does not run`);
    return identity;
  }

  /** A person who looks for a fault: may say and hear everything. */
  get administrator(): NatsUser {
    return this.#user(ADMINISTRATOR_INBOX, credentialsFileOf(this.home, 'administrator'));
  }

  /** The same, in the account of the events for external tools. */
  get eventsAdministrator(): NatsUser {
    return this.#user(ADMINISTRATOR_INBOX, credentialsFileOf(this.home, EVENTS_ADMINISTRATOR));
  }

  natsUserOf(host: FleetHost): NatsUser {
    return this.#user(inboxOfHost(host.id as HostId), hostCredentialsFileOf(this.home, host.id));
  }

  #user(inboxPrefix: string, credentialsFile: string): NatsUser {
    return { servers: this.natsUrl, credentialsFile, inboxPrefix };
  }

  /** Removes every file of nats-server, which must not run. */
  async wipeNats(): Promise<void> {
    await rm(path.join(this.home.natsFolder, 'jetstream'), { recursive: true, force: true });
  }

  /** Removes every event and read model; PostgreSQL must not run. */
  async wipePostgres(): Promise<void> {
    await rm(path.join(this.home.postgresFolder, 'data'), { recursive: true, force: true });
  }

  /** The last of what a part printed, for the message of a failing test. */
  async logOf(part: FleetPart): Promise<string> {
    const names: Partial<Record<FleetPart, string>> = { nats: 'nats-server', postgres: 'postgresql' };
    const file = path.join(this.home.logFolder, `${names[part] ?? part}.log`);
    return existsSync(file) ? tail(file, 8000) : '';
  }

  /** Which parts have ended by themselves, with the last words of all, and where their logs are kept. */
  async #explain(): Promise<string> {
    const ended = this.#endedByThemselves();
    const others = startOrder.filter((part) => !ended.includes(part));
    const logs = await Promise.all(
      [...others, ...ended].map(async (part) => `${part}:\n${(await this.logOf(part)).slice(-2000)}`),
    );
    const kept = await this.#keepLogs();
    return `ended by themselves: ${ended.join(', ') || 'none'}; all logs are in ${kept}, and end with\n${logs.join('\n')}`;
  }

  #endedByThemselves(): readonly FleetPart[] {
    return startOrder.filter((part) => {
      const identity = this.#running.get(part);
      return identity !== undefined && !isRunning(identity);
    });
  }

  /** Outside the installation, which goes with its test. Many waits may be given up at once: one copies after the other. */
  #keepLogs(): Promise<string> {
    const kept = path.join(tmpdir(), 'drover-kept-logs', path.basename(this.home.root));
    const copy = () => cp(this.home.logFolder, kept, { recursive: true });
    this.#keeping = this.#keeping.then(copy, copy);
    return this.#keeping.then(() => kept);
  }

  /** Ends everything; removes the installation unless it was given. */
  async stop(): Promise<void> {
    const ended = this.#endedByThemselves();
    if (ended.length > 0) process.stderr.write(`${ended.join(', ')} ended by themselves: ${await this.#keepLogs()}\n`);
    for (const part of [...startOrder].reverse()) {
      const identity = this.#running.get(part);
      this.#running.delete(part);
      if (identity === undefined) continue;
      signalProcess(identity, 'SIGCONT');
      if (part === 'postgres') await stopPostgresServer(identity, this.home.postgresFolder);
      else await stopProcess(identity);
    }
    if (this.#isTemporary) await rm(this.home.root, { recursive: true, force: true });
  }
}

/** The port that an installation takes first is a real one's, or that of a test that runs at the same time. */
async function avoidUsualPorts(home: Home): Promise<void> {
  if ((await readFleetState(home)) !== undefined) return;
  await writeFile(home.stateFile, JSON.stringify({ ports: { api: await freePort() } }));
}
