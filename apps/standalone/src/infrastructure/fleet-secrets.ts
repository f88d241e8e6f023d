/** Keys, tokens and credentials of one home: made once, and kept where only those read them who need them. */
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { HostId, Subjects } from '@drover/contracts';
import { keptSecret, readIfPresent, replaceSecret } from './files.js';
import type { FleetHost, HypervisorKind } from './fleet-state.js';
import type { Home } from './home.js';
import { createNatsAuthority, issueCredentials } from './nats-authority.js';
import type { NatsAuthority } from './nats-authority.js';
import {
  responseLimits,
  administratorPermissions,
  hostPermissions,
  serviceNames,
  servicePermissions,
} from './nats-permissions.js';
import type { NatsPermissions } from './nats-permissions.js';
import { shareWith, type ServiceUsers, type SystemUser } from './system-users.js';

export async function ensureNatsAuthority(home: Home): Promise<NatsAuthority> {
  const text = await keptSecret(home.natsAuthorityFile, async () => JSON.stringify(await createNatsAuthority()));
  return JSON.parse(text) as NatsAuthority;
}

/** Without the newline that a person's editor may have left. */
export async function ensureApiToken(home: Home, users: ServiceUsers): Promise<string> {
  const token = await keptSecret(home.apiTokenFile, () => randomBytes(32).toString('base64url'));
  await shareWith(users.drover, home.apiTokenFile, 'file');
  return token.trim();
}

export function credentialsFileOf(home: Home, name: string): string {
  return path.join(home.credentialsFolder, `${name}.creds`);
}

/** Name of a host's NATS user. */
export function hostUserName(hostId: string): string {
  return `host-${hostId}`;
}

export function hostCredentialsFileOf(home: Home, hostId: string): string {
  return path.join(home.credentialsFolder, 'hosts', `${hostId}.creds`);
}

/** How many are issued at the same time; what each waits for is the disk. */
const AT_ONCE = 16;

export interface CredentialsWanted {
  readonly authority: NatsAuthority;
  readonly subjects: Subjects;
  readonly hypervisor: HypervisorKind;
  readonly hosts: readonly FleetHost[];
  readonly users: ServiceUsers;
  /** Told how many stand there of all. */
  readonly report?: (done: number, all: number) => void;
}

/**
 * Issues what is missing. Permissions stand inside the credentials, so all are issued again when the table of permissions
 * has changed since. The administrator's are root's alone, and so are those of a real host.
 */
export async function ensureCredentials(home: Home, wanted: CredentialsWanted): Promise<void> {
  const { authority, subjects, hosts, users } = wanted;
  const agentUser = wanted.hypervisor === 'libvirt' ? undefined : users.drover;
  type Row = readonly [file: string, name: string, permissions: NatsPermissions, reader: SystemUser | undefined];
  const rows: readonly Row[] = [
    ...serviceNames.map(
      (name) => [credentialsFileOf(home, name), name, servicePermissions(name, subjects), users.drover] as const,
    ),
    [credentialsFileOf(home, 'administrator'), 'administrator', administratorPermissions(), undefined],
    ...hosts.map(
      ({ id }) =>
        [
          hostCredentialsFileOf(home, id),
          hostUserName(id),
          hostPermissions(id as HostId, subjects),
          agentUser,
        ] as const,
    ),
  ];
  const left = [...rows];
  let done = 0;
  const work = async () => {
    for (let row = left.shift(); row !== undefined; row = left.shift()) {
      const [file, name, permissions, reader] = row;
      await ensureCredentialsFile(file, name, permissions, authority);
      await shareWith(reader, file, 'file');
      wanted.report?.((done += 1), rows.length);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

async function ensureCredentialsFile(
  file: string,
  name: string,
  permissions: NatsPermissions,
  authority: NatsAuthority,
): Promise<void> {
  const mark = JSON.stringify({ account: authority.account, permissions, responseLimits });
  const markFile = `${file}.permissions`;
  if ((await readIfPresent(markFile)) === mark && (await readIfPresent(file)) !== undefined) return;
  await rm(markFile, { force: true });
  await replaceSecret(file, await issueCredentials({ accountSeed: authority.accountSeed, name, permissions }));
  await replaceSecret(markFile, mark);
}
