/**
 * Where one Drover keeps its data. Two homes know nothing of each other and may run side by side.
 */
import { constants } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, open as openFile, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { hasCode } from '@drover/domain-kit';
import type { HypervisorKind } from './fleet-state.js';
import { giveTo, shareWith, type ServiceUsers, type SystemUser } from './system-users.js';

export interface Home {
  readonly root: string;
  readonly stateFile: string;
  /** Of the control plane. */
  readonly configFile: string;
  /** Of the node agents. */
  readonly agentConfigFile: string;
  readonly apiTokenFile: string;
  /** A person's login on NATS: root's alone, and there from the first start on. */
  readonly administratorCredentialsFile: string;
  /** One file per service, with the URL that it connects to the database with. */
  readonly databaseUrlFolder: string;
  /** Of the services' roles, in a PostgreSQL that asks for them. */
  readonly databasePasswordsFile: string;
  /** Keys of NATS that the control plane works with, and what it has revoked. */
  readonly natsAuthorityFile: string;
  /** Of the operator of NATS, who vouches for accounts. */
  readonly natsOperatorSeedFile: string;
  /** Signs orders to hosts. */
  readonly orderKeyFile: string;
  /** Whose signatures the hosts believe. */
  readonly orderPublicKeysFile: string;
  /** Lock of the process that changes those keys: the launcher or the credential keeper. */
  readonly natsKeysLock: string;
  readonly credentialsFolder: string;
  /** One credentials file per service, `<name>.creds`. */
  readonly serviceCredentialsFolder: string;
  /** One per host, `<id>.creds`. */
  readonly hostCredentialsFolder: string;
  readonly natsFolder: string;
  readonly postgresFolder: string;
  /** Records of running processes, and the lock of the process that changes them. */
  readonly runFolder: string;
  /** Of the API, for this home's own `ctl`, `up` and `status`: no other program can be behind it. */
  readonly apiSocket: string;
  readonly logFolder: string;
  /** What node agents keep: journals, one folder per host, and simulated machines. A folder per kind of hypervisor in it. */
  readonly agentFolder: string;
  readonly imageFolder: string;
  readonly poolFolder: string;
}

export function homeAt(root: string): Home {
  const under = (...parts: readonly string[]) => path.join(root, ...parts);
  return {
    root,
    stateFile: under('state.json'),
    configFile: under('drover.yaml'),
    agentConfigFile: under('node-agent.yaml'),
    apiTokenFile: under('secrets', 'api-token'),
    administratorCredentialsFile: under('secrets', 'administrator.creds'),
    databaseUrlFolder: under('secrets', 'database-urls'),
    databasePasswordsFile: under('secrets', 'database-passwords.json'),
    natsAuthorityFile: under('keys', 'nats-authority.json'),
    natsOperatorSeedFile: under('keys', 'nats-operator.seed'),
    orderKeyFile: under('secrets', 'order-key.pem'),
    orderPublicKeysFile: under('secrets', 'order-keys'),
    natsKeysLock: under('run', 'nats-keys.lock'),
    credentialsFolder: under('credentials'),
    serviceCredentialsFolder: under('credentials', 'services'),
    hostCredentialsFolder: under('credentials', 'hosts'),
    natsFolder: under('nats'),
    postgresFolder: under('postgres'),
    runFolder: under('run'),
    apiSocket: under('run', 'api', 'socket'),
    logFolder: under('logs'),
    agentFolder: under('agents'),
    imageFolder: under('images'),
    poolFolder: under('volumes'),
  };
}

/** `DROVER_HOME`, or `/var/lib/drover` for root, or the user's own data folder. */
export function homeFolder(environment: NodeJS.ProcessEnv, userId: number | undefined): string {
  const chosen = environment['DROVER_HOME'];
  if (chosen !== undefined && chosen !== '') return path.resolve(chosen);
  if (userId === 0) return '/var/lib/drover';
  const data = environment['XDG_DATA_HOME'];
  const base =
    data === undefined || data === '' ? path.join(environment['HOME'] ?? homedir(), '.local', 'share') : data;
  return path.join(base, 'drover');
}

/** What the agents of one kind of hypervisor keep. */
export function agentFolderOf(home: Home, hypervisor: HypervisorKind): string {
  return path.join(home.agentFolder, hypervisor);
}

export function journalFolderOf(home: Home, hypervisor: HypervisorKind, hostId: string): string {
  return path.join(agentFolderOf(home, hypervisor), 'journals', hostId);
}

/**
 * Makes what is missing and puts owners and modes right: open to all is what QEMU's and PostgreSQL's user must pass, root's
 * own is what only the launcher reads, and the user `drover` gets what the control plane works with, and no more.
 *
 * A folder of his stands in one of root's: in one of his own he could put a link in its place, and root would follow it.
 */
export async function prepareHome(home: Home, { drover }: ServiceUsers = {}): Promise<void> {
  const open = [home.root, home.imageFolder, home.poolFolder, home.postgresFolder, home.agentFolder];
  const secrets = path.dirname(home.apiTokenFile);
  const shared = [secrets, home.databaseUrlFolder, home.logFolder, home.credentialsFolder];
  const own = [
    path.dirname(home.natsAuthorityFile),
    home.serviceCredentialsFolder,
    home.hostCredentialsFolder,
    home.natsFolder,
    path.dirname(home.apiSocket),
    agentFolderOf(home, 'simulated'),
  ];
  // An operator may have put links to a larger disk in these places, where no other user could put one.
  for (const folder of open) {
    await mkdir(folder, { recursive: true, mode: 0o755 });
    await chmod(folder, 0o755);
  }
  await makeFolder(agentFolderOf(home, 'libvirt'), 0o700);
  for (const folder of [...shared, home.runFolder]) {
    await makeFolder(folder, 0o700);
    await shareWith(drover, folder, 'folder');
  }
  for (const folder of own) {
    await makeFolder(folder, 0o700);
    await giveTo(drover, folder);
  }
  await makeNatsKeysLock(home, drover);
}

async function makeNatsKeysLock(home: Home, drover: SystemUser | undefined): Promise<void> {
  const flags = constants.O_RDONLY | constants.O_CREAT | constants.O_NOFOLLOW;
  await (await openFile(home.natsKeysLock, flags, 0o600)).close();
  await shareWith(drover, home.natsKeysLock, 'file');
}

/** Another lock in the place of one that a process of before may hold, where nothing runs that could hold it with right. */
export async function renewNatsKeysLock(home: Home, { drover }: ServiceUsers): Promise<void> {
  await rm(home.natsKeysLock, { force: true });
  await makeNatsKeysLock(home, drover);
}

/**
 * Empty folders in the place of those with which NATS works, of which nothing is read or followed: they were another user's.
 *
 * @returns where the old ones are, in folders in which that user can put nothing in their place.
 */
export async function replaceNatsFolders(home: Home, { drover }: ServiceUsers): Promise<readonly string[]> {
  const folders = [
    path.dirname(home.natsAuthorityFile),
    home.serviceCredentialsFolder,
    home.hostCredentialsFolder,
    home.natsFolder,
  ];
  const suffix = `.old-${randomBytes(6).toString('hex')}`;
  for (const folder of folders) {
    await rename(folder, `${folder}${suffix}`);
    await makeFolder(folder, 0o700);
    await giveTo(drover, folder);
  }
  return folders.map((folder) => `${folder}${suffix}`);
}

/**
 * The folder on the way to `folder` (itself included) that other users may not pass, if there is one: below it neither
 * QEMU's nor PostgreSQL's user finds its files.
 */
export async function closedFolderAbove(folder: string): Promise<string | undefined> {
  let current = path.resolve(folder);
  let closed: string | undefined;
  for (;;) {
    const mode = await stat(current).then(
      (entry) => entry.mode,
      (error: unknown) => {
        if (!hasCode(error, 'ENOENT')) throw error;
        return 0o001;
      },
    );
    if ((mode & 0o001) === 0) closed = current;
    const parent = path.dirname(current);
    if (parent === current) return closed;
    current = parent;
  }
}

async function makeFolder(folder: string, mode: number): Promise<void> {
  await mkdir(folder, { recursive: true, mode });
  // By what stands there itself: a link that another user has left would give what it leads to this mode.
  const handle = await openFile(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW).catch(
    (cause: unknown) => {
      throw hasCode(cause, 'ENOTDIR') || hasCode(cause, 'ELOOP')
        ? new Error(`${folder} is no folder but a link or a file: see who made it, remove it, and start again`, {
            cause,
          })
        : cause;
    },
  );
  try {
    await handle.chmod(mode);
  } finally {
    await handle.close();
  }
}
