/**
 * The credentials of services and hosts: they expire, and are issued again while half of their time is left. Who is connected
 * reads its file again when the server ends the connection at their expiry.
 */
import { randomInt } from 'node:crypto';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { builtServices, type HostId, type Subjects } from '@drover/contracts';
import { readIfPresent, replaceSecret } from './files.js';
import type { FleetHost } from './fleet-state.js';
import type { Home } from './home.js';
import {
  claimsOf,
  issueCredentials,
  readCredentials,
  withRevocations,
  type NatsAuthority,
  type ReadCredentials,
  type Revocation,
} from './nats-authority.js';
import { ensureNatsAuthority, readOperatorSeed, writeNatsAuthority, type KeptAuthority } from './nats-keys.js';
import { administratorPermissions, hostPermissions, servicePermissions } from './nats-permissions.js';
import type { NatsPermissions } from './nats-permissions.js';
import { giveTo, type ServiceUsers, type SystemUser } from './system-users.js';

const DAY_S = 86_400;
export const DEFAULT_LIFETIME_S = 30 * DAY_S;

/** The administrator's are root's alone, among his secrets. */
export function credentialsFileOf(home: Home, name: string): string {
  const folder = name === 'administrator' ? path.dirname(home.apiTokenFile) : home.credentialsFolder;
  return path.join(folder, `${name}.creds`);
}

/** Name of a host's NATS user. */
export function hostUserName(hostId: string): string {
  return `host-${hostId}`;
}

export function hostCredentialsFileOf(home: Home, hostId: string): string {
  return path.join(home.credentialsFolder, 'hosts', `${hostId}.creds`);
}

export interface CredentialsWanted {
  readonly subjects: Subjects;
  readonly hosts: readonly FleetHost[];
  readonly users: ServiceUsers;
  /** Seconds from issue to expiry. */
  readonly lifetimeS?: number;
  /** Of whoever issues: the control plane does not write what is root's. */
  readonly withoutAdministrator?: boolean;
  /** Told how many stand there of all. */
  readonly report?: (done: number, all: number) => void;
}

interface Row {
  readonly file: string;
  readonly name: string;
  readonly permissions: NatsPermissions;
  readonly owner: SystemUser | undefined;
}

/** How many are issued at the same time; what each waits for is the disk. */
const AT_ONCE = 16;

/**
 * Issues what is missing, what expires, and what allows another thing than the table of permissions says now; the user of
 * that is revoked, so that a copy of its credentials is worth nothing.
 *
 * @returns the keys as they are then: a changed account has to be told to a server that runs.
 */
export async function ensureCredentials(home: Home, wanted: CredentialsWanted): Promise<KeptAuthority> {
  const authority = await ensureNatsAuthority(home, wanted.users);
  const { lifetimeS = DEFAULT_LIFETIME_S } = wanted;
  const rows = rowsOf(home, wanted, authority);
  const left = [...rows];
  const revoked: Record<string, Revocation> = {};
  let done = 0;
  const work = async () => {
    for (let row = left.shift(); row !== undefined; row = left.shift()) {
      Object.assign(revoked, await ensureFile(row, authority, lifetimeS));
      wanted.report?.((done += 1), rows.length);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return Object.keys(revoked).length === 0 ? authority : revoke(home, wanted.users, authority, revoked);
}

/** Shuts a host out: its key is revoked, and it is issued no other until it is readmitted. Idempotent. */
export async function refuseHost(
  home: Home,
  users: ServiceUsers,
  hostId: string,
  lifetimeS = DEFAULT_LIFETIME_S,
): Promise<void> {
  const authority = await ensureNatsAuthority(home, users);
  if (authority.refusedHosts.includes(hostId)) return;
  const credentials = await readFile(hostCredentialsFileOf(home, hostId));
  const revoked = credentials === undefined ? {} : revocationOf(credentials, lifetimeS);
  await revoke(home, users, { ...authority, refusedHosts: [...authority.refusedHosts, hostId] }, revoked);
}

/** It gets credentials of a new user the next time that credentials are issued. Idempotent. */
export async function readmitHost(home: Home, users: ServiceUsers, hostId: string): Promise<void> {
  const authority = await ensureNatsAuthority(home, users);
  if (!authority.refusedHosts.includes(hostId)) return;
  const refusedHosts = authority.refusedHosts.filter((id) => id !== hostId);
  await writeNatsAuthority(home, users, { ...authority, refusedHosts });
}

async function revoke(
  home: Home,
  users: ServiceUsers,
  authority: KeptAuthority,
  revoked: Readonly<Record<string, Revocation>>,
): Promise<KeptAuthority> {
  const signed = await withRevocations(authority, await readOperatorSeed(home), revoked, nowS());
  const changed = { ...signed, refusedHosts: authority.refusedHosts };
  await writeNatsAuthority(home, users, changed);
  return changed;
}

function rowsOf(home: Home, wanted: CredentialsWanted, { refusedHosts }: KeptAuthority): readonly Row[] {
  const { subjects, hosts, users } = wanted;
  const owner = users.drover;
  const services = builtServices.map((name) => {
    return { file: credentialsFileOf(home, name), name, permissions: servicePermissions(name, subjects), owner };
  });
  const administrator = {
    file: credentialsFileOf(home, 'administrator'),
    name: 'administrator',
    permissions: administratorPermissions(),
    owner: undefined,
  };
  const admitted = hosts
    .filter(({ id }) => !refusedHosts.includes(id))
    .map(({ id }) => {
      const permissions = hostPermissions(id as HostId, subjects);
      return { file: hostCredentialsFileOf(home, id), name: hostUserName(id), permissions, owner };
    });
  return [...services, ...(wanted.withoutAdministrator === true ? [] : [administrator]), ...admitted];
}

/** Returns what is to be revoked. */
async function ensureFile(row: Row, authority: NatsAuthority, lifetimeS: number): Promise<Record<string, Revocation>> {
  const { file, name, permissions, owner } = row;
  const current = await readFile(file);
  const isSame =
    current?.issuer === authority.accountSigningKey &&
    authority.revocations[current.userKey] === undefined &&
    isDeepStrictEqual(current.claims, claimsOf(permissions, authority.account));
  const leftS = isSame ? (current.expiresAt ?? 0) - nowS() : 0;
  if (isSame && leftS > lifetimeS / 2 && leftS <= lifetimeS) return {};
  // Not all at the same moment: each is cut off once when its time is over.
  const expiresAt = nowS() + lifetimeS - randomInt(Math.max(1, Math.floor(lifetimeS / 20)));
  const userSeed = isSame ? { userSeed: current.userSeed } : {};
  await replaceSecret(file, await issueCredentials({ authority, name, permissions, expiresAt, ...userSeed }));
  await giveTo(owner, file);
  const isOfThisAccount = current?.issuer === authority.accountSigningKey;
  return isSame || !isOfThisAccount ? {} : revocationOf(current, lifetimeS);
}

function revocationOf({ userKey, expiresAt }: ReadCredentials, lifetimeS: number): Record<string, Revocation> {
  return { [userKey]: { at: nowS(), until: Math.max(expiresAt ?? 0, nowS() + lifetimeS) } };
}

/** Undefined where there is no file, or none that can be read as credentials: then others are issued. */
async function readFile(file: string): Promise<ReadCredentials | undefined> {
  const text = await readIfPresent(file);
  if (text === undefined) return undefined;
  try {
    return readCredentials(text);
  } catch {
    return undefined;
  }
}

function nowS(): number {
  return Math.floor(Date.now() / 1000);
}
