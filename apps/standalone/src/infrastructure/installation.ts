/** All that stands in a home before anything of it runs, in one step: `up` and the fleets of tests begin alike. */
import { subjectsUnder } from '@drover/contracts';
import { prepareHome, renewNatsKeysLock, type Home } from './home.js';
import { ensureCredentials } from './fleet-credentials.js';
import { ensureApiToken } from './fleet-secrets.js';
import { writeFleetConfig, type FurtherPool } from './fleet-config.js';
import {
  changePort,
  credentialLifetimeS,
  ensureFleetState,
  hostsToRun,
  type FleetHost,
  type FleetState,
  type HostsWanted,
} from './fleet-state.js';
import { ensureOrderKey } from './order-keys.js';
import { holderOf } from './listening-socket.js';
import type { NatsAuthority } from './nats-authority.js';
import type { Ports } from './ports.js';
import { ensureServiceUsers, type ServiceUsers } from './system-users.js';

export const SUBJECT_PREFIX = 'drover';

export interface Installation {
  readonly home: Home;
  readonly users: ServiceUsers;
  readonly wanted: HostsWanted;
  readonly state: FleetState;
  readonly hosts: readonly FleetHost[];
  readonly authority: NatsAuthority;
  readonly token: string;
  readonly libvirtSocket?: string;
  readonly furtherPools?: readonly FurtherPool[];
}

export interface InstallationOptions {
  /** Parts of it run: they keep the ports that they have. */
  readonly isPartlyRunning?: boolean;
  /** Told how many of all credentials stand there. */
  readonly report?: (done: number, all: number) => void;
}

export async function prepareInstallation(
  home: Home,
  wanted: HostsWanted,
  { isPartlyRunning = false, report }: InstallationOptions = {},
): Promise<Installation> {
  const users = await ensureServiceUsers();
  await prepareHome(home, users);
  if (!isPartlyRunning) await renewNatsKeysLock(home, users);
  const state = await ensureFleetState(home, wanted, isPartlyRunning ? () => Promise.resolve(true) : undefined);
  const hosts = hostsToRun(state, wanted);
  const token = await ensureApiToken(home, users);
  await ensureOrderKey(home, users);
  const subjects = subjectsUnder(SUBJECT_PREFIX);
  const lifetimeS = credentialLifetimeS(state);
  const authority = await ensureCredentials(home, { subjects, hosts, users, lifetimeS, ...(report && { report }) });
  return { home, users, wanted, state, hosts, authority, token };
}

/** What every service reads at its start. */
export async function configure(installation: Installation): Promise<void> {
  const { hypervisor } = installation.wanted;
  await writeFleetConfig({ ...installation, hypervisor, subjectPrefix: SUBJECT_PREFIX });
}

/** How often somebody else may be quicker to listen on a port that was free. */
const ATTEMPTS = 5;

/**
 * Starts what listens on a port, on another one where somebody else was quicker: two homes may begin at the same time. A
 * start that fails for another reason fails.
 *
 * @param which port it listens on; undefined where it has to be that one, or it listens on none.
 * @param start gets the installation with the port to try.
 * @param onTaken is told who holds the port that was tried.
 */
export async function onFreePort(
  installation: Installation,
  which: keyof Ports | undefined,
  start: (tried: Installation) => Promise<void>,
  onTaken: (port: number, holder: string) => void,
): Promise<Installation> {
  let tried = installation;
  for (let attempt = 1; ; attempt += 1) {
    try {
      await start(tried);
      return tried;
    } catch (error) {
      if (which === undefined) throw error;
      const port = tried.state.ports[which];
      const holder = await holderOf(port);
      if (holder === undefined || attempt === ATTEMPTS) throw error;
      onTaken(port, holder);
      tried = { ...tried, state: await changePort(tried.home, tried.state, which) };
    }
  }
}
