/**
 * What the services of one home connect to the database with: each as a role of its own, never as the owner. The package's
 * PostgreSQL takes the kernel's word for who connects and asks for no password; one that `DATABASE_URL` names does.
 */
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { builtServices, forEachService, type BuiltService } from '@drover/contracts';
import type { ServicePasswords } from '@drover/event-store';
import { keptSecret, replaceSecret } from './files.js';
import type { Home } from './home.js';
import { shareWith, type ServiceUsers } from './system-users.js';

export function databaseUrlFileOf(home: Home, service: BuiltService): string {
  return path.join(home.databaseUrlFolder, service);
}

/** Made once. They are the launcher's own; each service finds its one in its URL. */
export async function ensureDatabasePasswords(home: Home): Promise<ServicePasswords> {
  return JSON.parse(
    await keptSecret(home.databasePasswordsFile, () => JSON.stringify(newPasswords())),
  ) as ServicePasswords;
}

/** New ones, which `prepareDatabase` then gives to the roles; services that run must be started again. */
export async function renewDatabasePasswords(home: Home): Promise<ServicePasswords> {
  const passwords = newPasswords();
  await replaceSecret(home.databasePasswordsFile, JSON.stringify(passwords));
  return passwords;
}

function newPasswords(): ServicePasswords {
  return forEachService(() => randomBytes(32).toString('base64url'));
}

export interface DatabaseToPrepare {
  readonly home: Home;
  readonly users: ServiceUsers;
  /** Of the role that owns the database; kept nowhere unless the services have to connect as it. */
  readonly ownerUrl: string;
  /** Absent where the server asks for none. */
  readonly passwords?: ServicePasswords;
  /** Ends who is connected as a service; none of this home may run then. */
  readonly endsSessions?: boolean;
}

/**
 * Makes the tables and a role per service, and writes the URL of each. The one step of a start that needs the owner;
 * idempotent.
 *
 * @returns why there are no roles and the services connect as the owner, in words; undefined where there are.
 */
export async function prepareDatabase(wanted: DatabaseToPrepare): Promise<string | undefined> {
  const { home, users, ownerUrl, passwords, endsSessions = false } = wanted;
  // Only a start needs the driver; `ctl` and `status` do without.
  const { prepareStore } = await import('@drover/event-store');
  const { urls, withoutRoles } = await prepareStore({ ownerUrl, endsSessions, ...(passwords && { passwords }) });
  for (const service of builtServices) {
    const file = databaseUrlFileOf(home, service);
    await replaceSecret(file, urls[service]);
    await shareWith(users.drover, file, 'file');
  }
  return withoutRoles;
}
