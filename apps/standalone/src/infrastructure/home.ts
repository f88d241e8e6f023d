/**
 * Where one Drover keeps its data. Two homes know nothing of each other and may run side by side.
 *
 * What QEMU's user must read (images, volumes) is open to traverse; what holds keys or data is closed to everybody else.
 */
import { chmod, mkdir, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';

export interface Home {
  readonly root: string;
  readonly stateFile: string;
  readonly configFile: string;
  readonly apiTokenFile: string;
  readonly databaseUrlFile: string;
  readonly natsAuthorityFile: string;
  /** One credentials file per service, `<name>.creds`, and below `hosts/` one per host. */
  readonly credentialsFolder: string;
  readonly natsFolder: string;
  readonly postgresFolder: string;
  /** Records of running processes, and their pid files. */
  readonly runFolder: string;
  readonly logFolder: string;
  /** Node agents' journals, one folder per host. */
  readonly journalFolder: string;
  readonly imageFolder: string;
  readonly poolFolder: string;
}

export function homeAt(root: string): Home {
  const under = (...parts: readonly string[]) => path.join(root, ...parts);
  return {
    root,
    stateFile: under('state.json'),
    configFile: under('drover.yaml'),
    apiTokenFile: under('secrets', 'api-token'),
    databaseUrlFile: under('secrets', 'database-url'),
    natsAuthorityFile: under('secrets', 'nats-authority.json'),
    credentialsFolder: under('credentials'),
    natsFolder: under('nats'),
    postgresFolder: under('postgres'),
    runFolder: under('run'),
    logFolder: under('logs'),
    journalFolder: under('journals'),
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

/** Makes what is missing and puts the modes right. */
export async function prepareHome(home: Home): Promise<void> {
  const open = [home.root, home.imageFolder, home.poolFolder, home.postgresFolder];
  const closed = [
    path.dirname(home.apiTokenFile),
    home.credentialsFolder,
    path.join(home.credentialsFolder, 'hosts'),
    home.natsFolder,
    home.runFolder,
    home.logFolder,
    home.journalFolder,
  ];
  await makeFolders(open, 0o755);
  await makeFolders(closed, 0o700);
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
      (error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
        return 0o001;
      },
    );
    if ((mode & 0o001) === 0) closed = current;
    const parent = path.dirname(current);
    if (parent === current) return closed;
    current = parent;
  }
}

async function makeFolders(folders: readonly string[], mode: number): Promise<void> {
  for (const folder of folders) {
    await mkdir(folder, { recursive: true, mode });
    await chmod(folder, mode);
  }
}
