/** Keys, tokens and credentials of one home: made once, kept in files of mode 0600. */
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { HostId, Subjects } from '@drover/contracts';
import { keptSecret, readIfPresent, replaceSecret } from './files.js';
import type { FleetHost } from './fleet-state.js';
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

export async function ensureNatsAuthority(home: Home): Promise<NatsAuthority> {
  const text = await keptSecret(home.natsAuthorityFile, async () => JSON.stringify(await createNatsAuthority()));
  return JSON.parse(text) as NatsAuthority;
}

export function ensureApiToken(home: Home): Promise<string> {
  return keptSecret(home.apiTokenFile, () => randomBytes(32).toString('base64url'));
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

/**
 * Issues what is missing. Permissions stand inside the credentials, so all are issued again when the table of permissions
 * has changed since.
 */
export async function ensureCredentials(
  home: Home,
  authority: NatsAuthority,
  subjects: Subjects,
  hosts: readonly FleetHost[],
): Promise<void> {
  const wanted: readonly (readonly [file: string, name: string, permissions: NatsPermissions])[] = [
    ...serviceNames.map((name) => [credentialsFileOf(home, name), name, servicePermissions(name, subjects)] as const),
    [credentialsFileOf(home, 'administrator'), 'administrator', administratorPermissions()],
    ...hosts.map(
      ({ id }) => [hostCredentialsFileOf(home, id), hostUserName(id), hostPermissions(id as HostId, subjects)] as const,
    ),
  ];
  for (const [file, name, permissions] of wanted) {
    const mark = JSON.stringify({ account: authority.account, permissions, responseLimits });
    const markFile = `${file}.permissions`;
    if ((await readIfPresent(markFile)) === mark && (await readIfPresent(file)) !== undefined) continue;
    await rm(markFile, { force: true });
    await replaceSecret(file, await issueCredentials({ accountSeed: authority.accountSeed, name, permissions }));
    await replaceSecret(markFile, mark);
  }
}
