/** Where the keys of NATS stand in a home, each in a file of its own that only the control plane's user reads. */
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { readIfPresent, replaceSecret } from './files.js';
import type { Home } from './home.js';
import { createNatsAuthority, isOperatorOf, type NatsAuthority } from './nats-authority.js';
import { giveTo, type ServiceUsers } from './system-users.js';

/** What is kept beside the keys: hosts that an operator has shut out. */
export interface KeptAuthority extends NatsAuthority {
  readonly refusedHosts: readonly string[];
}

export async function ensureNatsAuthority(home: Home, users: ServiceUsers = {}): Promise<KeptAuthority> {
  const [kept, seed] = [await readIfPresent(home.natsAuthorityFile), await readIfPresent(home.natsOperatorSeedFile)];
  // Of two halves that do not fit, as after a crash between their writes, neither is of use.
  if (kept !== undefined && seed !== undefined) {
    const authority = JSON.parse(kept) as KeptAuthority;
    if (isOperatorOf(authority, seed)) return authority;
  }
  const { authority, operatorSeed } = await createNatsAuthority();
  const made: KeptAuthority = { ...authority, refusedHosts: [] };
  await replaceSecret(home.natsOperatorSeedFile, operatorSeed);
  await giveTo(users.drover, home.natsOperatorSeedFile);
  await writeNatsAuthority(home, users, made);
  return made;
}

export async function writeNatsAuthority(home: Home, users: ServiceUsers, authority: KeptAuthority): Promise<void> {
  await replaceSecret(home.natsAuthorityFile, JSON.stringify(authority));
  await giveTo(users.drover, home.natsAuthorityFile);
}

export async function readOperatorSeed(home: Home): Promise<string> {
  const seed = await readIfPresent(home.natsOperatorSeedFile);
  if (seed === undefined)
    throw new Error(`${home.natsOperatorSeedFile} is missing; ./drover rotate nats makes new keys`);
  return seed.trim();
}

/**
 * Makes all keys of NATS anew; nats-server must not run. Its files go with the account that they belong to: the stream of
 * events is a copy, which the relay fills again. Hosts that were shut out stay so.
 */
export async function renewNatsKeys(home: Home, users: ServiceUsers): Promise<void> {
  const { refusedHosts } = await ensureNatsAuthority(home, users);
  const { authority, operatorSeed } = await createNatsAuthority();
  // Without the seed of before nothing is signed by it, whatever happens between the two writes.
  await replaceSecret(home.natsOperatorSeedFile, operatorSeed);
  await giveTo(users.drover, home.natsOperatorSeedFile);
  await writeNatsAuthority(home, users, { ...authority, refusedHosts });
  for (const folder of ['jetstream', 'accounts']) {
    await rm(path.join(home.natsFolder, folder), { recursive: true, force: true });
  }
}
