/** Where the keys of NATS stand in a home, each in a file of its own that only the control plane's user reads. */
import path from 'node:path';
import { withFileLock } from './file-lock.js';
import { readPlainIfPresent, replaceSecret } from './files.js';
import type { Home } from './home.js';
import { createNatsAuthority, isOperatorOf, type IssuedKey, type NatsAuthority } from './nats-authority.js';
import { removeFolderOf, type ServiceUsers } from './system-users.js';

/** What is kept with the keys. */
export interface KeptAuthority extends NatsAuthority {
  /** Hosts that an operator has shut out. */
  readonly refusedHosts: readonly string[];
  /** By the name of the user: the one key of it that is good. It stands here before it stands in a file of credentials. */
  readonly issued: Readonly<Record<string, IssuedKey>>;
}

const nothingIssued = { refusedHosts: [], issued: {} };

export async function ensureNatsAuthority(home: Home, users: ServiceUsers = {}): Promise<KeptAuthority> {
  const [kept, seed] = [
    await readPlainIfPresent(home.natsAuthorityFile),
    await readPlainIfPresent(home.natsOperatorSeedFile),
  ];
  // Of two halves that do not fit, as after a crash between their writes, neither is of use.
  if (kept !== undefined && seed !== undefined) {
    const authority = JSON.parse(kept) as KeptAuthority;
    if (isOperatorOf(authority, seed)) return authority;
  }
  const { authority, operatorSeed } = await createNatsAuthority();
  const made: KeptAuthority = { ...authority, ...nothingIssued };
  await replaceSecret(home.natsOperatorSeedFile, operatorSeed, users.drover);
  await writeNatsAuthority(home, users, made);
  return made;
}

/**
 * Changes what is kept: the launcher and the credential keeper one after the other, so that neither undoes what the other has
 * revoked.
 *
 * @param change gets what is kept now, and `write`, which stores it as it is then.
 */
export function changeNatsAuthority<Result>(
  home: Home,
  users: ServiceUsers,
  change: (now: KeptAuthority, write: (changed: KeptAuthority) => Promise<void>) => Promise<Result>,
): Promise<Result> {
  return withFileLock(home.natsKeysLock, async () =>
    change(await ensureNatsAuthority(home, users), (changed) => writeNatsAuthority(home, users, changed)),
  );
}

function writeNatsAuthority(home: Home, users: ServiceUsers, authority: KeptAuthority): Promise<void> {
  return replaceSecret(home.natsAuthorityFile, JSON.stringify(authority), users.drover);
}

export async function readOperatorSeed(home: Home): Promise<string> {
  const seed = await readPlainIfPresent(home.natsOperatorSeedFile);
  if (seed === undefined)
    throw new Error(`${home.natsOperatorSeedFile} is missing; ./drover rotate nats makes new keys`);
  return seed.trim();
}

/**
 * Makes all keys of NATS anew; nats-server must not run. Its files go with the account that they belong to: the stream of
 * events is a copy, which the relay fills again. Hosts that were shut out stay so.
 */
export function renewNatsKeys(home: Home, users: ServiceUsers): Promise<void> {
  return changeNatsAuthority(home, users, async ({ refusedHosts }, write) => {
    const { authority, operatorSeed } = await createNatsAuthority();
    // Without the seed of before nothing is signed by it, whatever happens between the two writes.
    await replaceSecret(home.natsOperatorSeedFile, operatorSeed, users.drover);
    await write({ ...authority, ...nothingIssued, refusedHosts });
    for (const folder of ['jetstream', 'accounts'])
      await removeFolderOf(users.drover, path.join(home.natsFolder, folder));
  });
}
