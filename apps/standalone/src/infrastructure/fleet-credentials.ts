/**
 * The credentials of services and hosts: they expire, and are issued again while half of their time is left. Who is connected
 * reads its file again when the server ends the connection at their expiry.
 */
import { randomInt } from 'node:crypto';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { builtServices, type HostId, type Subjects } from '@drover/contracts';
import { readPlainIfPresent, replaceSecret } from './files.js';
import type { FleetHost } from './fleet-state.js';
import type { Home } from './home.js';
import {
  claimsOf,
  issueCredentials,
  readCredentials,
  withRevocations,
  type IssuedKey,
  type ReadCredentials,
  type Revocation,
} from './nats-authority.js';
import { changeNatsAuthority, readOperatorSeed, type KeptAuthority } from './nats-keys.js';
import {
  administratorPermissions,
  EVENT_RELAY,
  eventRelayPermissions,
  EVENTS_ADMINISTRATOR,
  hostPermissions,
  servicePermissions,
} from './nats-permissions.js';
import type { NatsPermissions } from './nats-permissions.js';
import type { ServiceUsers, SystemUser } from './system-users.js';

const DAY_S = 86_400;
export const DEFAULT_LIFETIME_S = 30 * DAY_S;

const administrators = ['administrator', EVENTS_ADMINISTRATOR];

/** The administrator's are root's alone, among his secrets. */
export function credentialsFileOf(home: Home, name: string): string {
  const folder = administrators.includes(name) ? path.dirname(home.apiTokenFile) : home.serviceCredentialsFolder;
  return path.join(folder, `${name}.creds`);
}

/** Name of a host's NATS user. */
export function hostUserName(hostId: string): string {
  return `host-${hostId}`;
}

export function hostCredentialsFileOf(home: Home, hostId: string): string {
  return path.join(home.hostCredentialsFolder, `${hostId}.creds`);
}

export interface CredentialsWanted {
  readonly subjects: Subjects;
  readonly hosts: readonly FleetHost[];
  readonly users: ServiceUsers;
  /** Seconds from issue to expiry. */
  readonly lifetimeS?: number;
  /** Owner of the files that are issued: the control plane does not write what is root's. */
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

/** How many are made or written at the same time; what each waits for is the disk. */
const AT_ONCE = 16;

/**
 * Issues what is missing, what expires, and what allows another thing than the table of permissions says now; the user of
 * that is revoked, so that a copy of its credentials is worth nothing.
 *
 * The keys that are good, and those that are not any more, are kept before the first file is written: whatever fails after that,
 * no one's key is forgotten.
 *
 * @returns the keys as they are then: a changed account has to be told to a server that runs.
 */
export function ensureCredentials(home: Home, wanted: CredentialsWanted): Promise<KeptAuthority> {
  return changeNatsAuthority(home, wanted.users, async (authority, write) => {
    const { lifetimeS = DEFAULT_LIFETIME_S, report } = wanted;
    const rows = rowsOf(home, wanted, authority);
    const issues: Issue[] = [];
    await atOnce(rows, async (row) => {
      const issue = await issueFor(row, authority, lifetimeS);
      if (issue !== undefined) issues.push(issue);
    });
    if (issues.length === 0) return authority;
    const issued = Object.fromEntries(issues.map(({ row, made }) => [row.name, made]));
    const changed = await revoke(
      home,
      { ...authority, issued: { ...authority.issued, ...issued } },
      issues.flatMap(({ replaced }) => replaced),
      lifetimeS,
    );
    await write(changed);
    let done = rows.length - issues.length;
    await atOnce(issues, async ({ row, text }) => {
      await replaceSecret(row.file, text, row.owner);
      report?.((done += 1), rows.length);
    });
    return changed;
  });
}

/** Shuts a host out: its key is revoked, and it is issued no other until it is readmitted. Idempotent. */
export function refuseHost(
  home: Home,
  users: ServiceUsers,
  hostId: string,
  lifetimeS = DEFAULT_LIFETIME_S,
): Promise<void> {
  return changeNatsAuthority(home, users, async (authority, write) => {
    const { refusedHosts } = authority;
    if (refusedHosts.includes(hostId)) return;
    const known = [authority.issued[hostUserName(hostId)], await readFile(hostCredentialsFileOf(home, hostId))];
    const refused = refusedHosts === 'lost' ? authority : { ...authority, refusedHosts: [...refusedHosts, hostId] };
    await write(await revoke(home, refused, known.filter(isThere), lifetimeS));
  });
}

/** It gets credentials of a new user the next time that credentials are issued. Idempotent. */
export function readmitHost(home: Home, users: ServiceUsers, hostId: string): Promise<void> {
  return changeNatsAuthority(home, users, async (authority, write) => {
    const { refusedHosts } = authority;
    if (refusedHosts === 'lost' || !refusedHosts.includes(hostId)) return;
    await write({ ...authority, refusedHosts: refusedHosts.filter((id) => id !== hostId) });
  });
}

/** What events say, where the list of the hosts that are shut out was lost with its file. The others get logins from then on. */
export function restoreRefusedHosts(home: Home, users: ServiceUsers, hostIds: readonly string[]): Promise<void> {
  return changeNatsAuthority(home, users, async (authority, write) => {
    if (authority.refusedHosts === 'lost') await write({ ...authority, refusedHosts: hostIds });
  });
}

async function revoke(
  home: Home,
  authority: KeptAuthority,
  keys: readonly IssuedKey[],
  lifetimeS: number,
): Promise<KeptAuthority> {
  if (keys.length === 0) return authority;
  const revoked = Object.fromEntries(keys.map((key) => [key.userKey, revocationOf(key, lifetimeS)]));
  return withRevocations(authority, await readOperatorSeed(home), revoked, nowS());
}

function rowsOf(home: Home, wanted: CredentialsWanted, { refusedHosts }: KeptAuthority): readonly Row[] {
  const { subjects, hosts, users } = wanted;
  const owner = users.drover;
  const row = (name: string, permissions: NatsPermissions): Row => {
    return { file: credentialsFileOf(home, name), name, permissions, owner };
  };
  const services = [
    ...builtServices.map((name) => row(name, servicePermissions(name, subjects))),
    row(EVENT_RELAY, eventRelayPermissions(subjects)),
  ];
  const ofRoot: readonly Row[] = [
    { ...row('administrator', administratorPermissions()), owner: undefined },
    { ...row(EVENTS_ADMINISTRATOR, administratorPermissions('events')), owner: undefined },
  ];
  const admitted = hosts
    .filter(({ id }) => refusedHosts !== 'lost' && !refusedHosts.includes(id))
    .map(({ id }) => {
      const permissions = hostPermissions(id as HostId, subjects);
      return { file: hostCredentialsFileOf(home, id), name: hostUserName(id), permissions, owner };
    });
  return [...services, ...(wanted.withoutAdministrator === true ? [] : ofRoot), ...admitted];
}

interface Issue {
  readonly row: Row;
  /** The content of the file. */
  readonly text: string;
  readonly made: IssuedKey;
  /** Keys of the same name that are good no more. */
  readonly replaced: readonly IssuedKey[];
}

/** Undefined where what stands in the file is good. */
async function issueFor(row: Row, authority: KeptAuthority, lifetimeS: number): Promise<Issue | undefined> {
  const { file, name, permissions } = row;
  const found = await readFile(file);
  const { account, signingKey } = authority.accounts[permissions.account];
  const current = found?.issuer === signingKey ? found : undefined;
  const isSame =
    current !== undefined &&
    authority.revocations[current.userKey] === undefined &&
    isDeepStrictEqual(current.claims, claimsOf(permissions, account));
  const leftS = isSame ? (current.expiresAt ?? 0) - nowS() : 0;
  if (isSame && leftS > lifetimeS / 2 && leftS <= lifetimeS) return undefined;
  // Not all at the same moment: each is cut off once when its time is over.
  const expiresAt = nowS() + lifetimeS - randomInt(Math.max(1, Math.floor(lifetimeS / 20)));
  const userSeed = isSame ? { userSeed: current.userSeed } : {};
  const text = await issueCredentials({ authority, name, permissions, expiresAt, ...userSeed });
  const { userKey, issuedAt } = readCredentials(text);
  const before = [authority.issued[name], current].filter(isThere);
  return {
    ...{ row, text, made: { userKey, issuedAt, expiresAt } },
    replaced: before.filter((key) => key.userKey !== userKey && authority.revocations[key.userKey] === undefined),
  };
}

/** Of all credentials of the key, also those that were issued before the clock was set back. */
function revocationOf({ issuedAt, expiresAt = 0 }: IssuedKey, lifetimeS: number): Revocation {
  return { at: Math.max(nowS(), issuedAt), until: Math.max(expiresAt, nowS() + lifetimeS) };
}

async function atOnce<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const left = [...items];
  const next = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, next));
}

function isThere<Value>(value: Value | undefined): value is Value {
  return value !== undefined;
}

/** Some 30 times as much as they take: one such file for each host, and many are read at once. */
const LARGEST_CREDENTIALS_BYTES = 64 * 1024;

/** Undefined where there is no file, or none that can be read as credentials: then others are issued. */
async function readFile(file: string): Promise<ReadCredentials | undefined> {
  const text = await readPlainIfPresent(file, LARGEST_CREDENTIALS_BYTES);
  if (text === undefined) return undefined;
  try {
    return readCredentials(text);
  } catch {
    // Written by another release or cut off: others take its place.
    return undefined;
  }
}

function nowS(): number {
  return Math.floor(Date.now() / 1000);
}
