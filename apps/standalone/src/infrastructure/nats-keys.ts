/** Where the keys of NATS stand in a home, each in a file of its own that only the control plane's user reads. */
import { z } from 'zod';
import { withFileLock } from './file-lock.js';
import { exists, readPlainIfPresent, replaceSecret } from './files.js';
import { renewNatsKeysLock, replaceNatsFolders, type Home } from './home.js';
import { createNatsAuthority, isOperatorOf, type IssuedKey, type NatsAuthority } from './nats-authority.js';
import { removeFolderOf, type ServiceUsers } from './system-users.js';

/** What is kept with the keys. */
export interface KeptAuthority extends NatsAuthority {
  /**
   * Hosts that an operator has shut out; a copy of what events say. `lost` with an older file: no host gets a login before the credential
   * keeper has read the events.
   */
  readonly refusedHosts: readonly string[] | 'lost';
  /** By the name of the user: the one key of it that is good. It stands here before it stands in a file of credentials. */
  readonly issued: Readonly<Record<string, IssuedKey>>;
}

export async function ensureNatsAuthority(home: Home, users: ServiceUsers = {}): Promise<KeptAuthority> {
  const [kept, seed] = [await readNatsAuthority(home), await readPlainIfPresent(home.natsOperatorSeedFile)];
  // Of two halves that do not fit, as after a crash between their writes, neither is of use.
  if (kept !== undefined && seed !== undefined && isOperatorOf(kept, seed)) return kept;
  const isNew = kept === undefined && seed === undefined && !(await exists(home.administratorCredentialsFile));
  const { authority, operatorSeed } = await createNatsAuthority();
  const made: KeptAuthority = { ...authority, issued: {}, refusedHosts: kept?.refusedHosts ?? (isNew ? [] : 'lost') };
  await replaceSecret(home.natsOperatorSeedFile, operatorSeed, users.drover);
  await writeNatsAuthority(home, users, made);
  return made;
}

/** Undefined where there is none, or none that can be read: then another is made. */
export async function readNatsAuthority(home: Home): Promise<KeptAuthority | undefined> {
  const text = await readPlainIfPresent(home.natsAuthorityFile);
  if (text === undefined) return undefined;
  try {
    return keptAuthoritySchema.parse(JSON.parse(text));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError) return undefined;
    throw error;
  }
}

const keysSchema = z.object({
  account: z.string(),
  accountJwt: z.string(),
  signingKey: z.string(),
  signingSeed: z.string(),
});
const keptAuthoritySchema = z.object({
  operatorJwt: z.string(),
  systemAccount: z.string(),
  systemAccountJwt: z.string(),
  systemSigningSeed: z.string(),
  accounts: z.object({ fleet: keysSchema, events: keysSchema }),
  revocations: z.record(z.string(), z.object({ at: z.number(), until: z.number() })),
  refusedHosts: z.union([z.array(z.string()), z.literal('lost')]),
  issued: z.record(
    z.string(),
    z.object({ userKey: z.string(), issuedAt: z.number(), expiresAt: z.number().exactOptional() }),
  ),
});

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
 * Makes all keys of NATS anew; nothing of this home but PostgreSQL may run. What the user of the control plane may have left behind is of no
 * use here: neither his files, nor a lock that he holds, nor his list of the hosts that are shut out.
 *
 * nats-server's files go with the accounts that they belong to: the stream of events is a copy, which the relay fills again.
 *
 * @returns the folders of before that could not be removed, because something of this user still writes there.
 */
export async function renewNatsKeys(home: Home, users: ServiceUsers): Promise<readonly string[]> {
  await renewNatsKeysLock(home, users);
  const old = await withFileLock(home.natsKeysLock, async () => {
    const { authority, operatorSeed } = await createNatsAuthority();
    const replaced = await replaceNatsFolders(home, users);
    await replaceSecret(home.natsOperatorSeedFile, operatorSeed, users.drover);
    await writeNatsAuthority(home, users, { ...authority, issued: {}, refusedHosts: 'lost' });
    return replaced;
  });
  const left: string[] = [];
  for (const folder of old) {
    try {
      await removeFolderOf(users.drover, folder);
    } catch {
      // It holds keys that are good for nothing any more; a person is told to remove it.
      left.push(folder);
    }
  }
  return left;
}
