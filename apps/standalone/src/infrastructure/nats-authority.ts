/**
 * The keys of NATS's operator mode. The operator vouches for accounts, an account for its users; the server knows only the
 * operator and the accounts, so that a new service or host gets its credentials without a reload.
 *
 * The operator's seed signs the accounts again where a user's key is to be revoked. An account's own seed is thrown away: a
 * key of its own (a signing key) vouches for users.
 */
import { decode, encodeAccount, encodeOperator, encodeUser, fmtCreds, type Account, type User } from '@nats-io/jwt';
import { createAccount, createOperator, createUser, fromPublic, fromSeed, type KeyPair } from '@nats-io/nkeys';
import { nativeKeyPair } from './native-key-pair.js';
import { natsAccounts, responseLimits, type NatsAccount, type NatsPermissions } from './nats-permissions.js';

export interface NatsAuthority {
  readonly operatorJwt: string;
  readonly systemAccount: string;
  readonly systemAccountJwt: string;
  /** Signs users of the system account, who may tell the server of a changed account. */
  readonly systemSigningSeed: string;
  readonly accounts: Readonly<Record<NatsAccount, AccountKeys>>;
  /** Users' public keys that are refused, if their credentials were issued until then. */
  readonly revocations: Readonly<Record<string, Revocation>>;
}

export interface AccountKeys {
  readonly account: string;
  /** With all revocations. */
  readonly accountJwt: string;
  /** Public half of the key that signs users. */
  readonly signingKey: string;
  /** Signs users. A program that has it can sign in as any user of the account. */
  readonly signingSeed: string;
}

/** A user's key and the time of the newest credentials with it. Seconds since 1970. */
export interface IssuedKey {
  readonly userKey: string;
  readonly issuedAt: number;
  /** Absent: for ever. */
  readonly expiresAt?: number;
}

/** Seconds since 1970. */
export interface Revocation {
  readonly at: number;
  /** All credentials of the key have expired: the entry has nothing left to refuse. */
  readonly until: number;
}

const unlimited = -1;
const limits = {
  ...{ subs: unlimited, data: unlimited, payload: unlimited, imports: 0, exports: 0 },
  ...{ wildcards: true, conn: unlimited, leaf: 0 },
};
/** The server answers JetStream's questions wherever the asker says, so only the account of events has it (ADR 31). */
const storage: Readonly<Record<NatsAccount, object>> = {
  fleet: {},
  events: { mem_storage: unlimited, disk_storage: unlimited, streams: unlimited, consumer: unlimited },
};

export async function createNatsAuthority(): Promise<{
  readonly authority: NatsAuthority;
  readonly operatorSeed: string;
}> {
  const operator = createOperator();
  const [system, systemSigner] = [createAccount(), createAccount()];
  const systemClaims = { limits, signing_keys: [systemSigner.getPublicKey()] };
  const operatorSeed = seedOf(operator);
  const unsigned = {
    operatorJwt: await encodeOperator('drover', operator, { system_account: system.getPublicKey() }),
    systemAccount: system.getPublicKey(),
    systemAccountJwt: await encodeAccount('system', system, systemClaims, { signer: operator }),
    systemSigningSeed: seedOf(systemSigner),
    accounts: forEachAccount(createKeys),
    revocations: {},
  };
  return { operatorSeed, authority: await signed(unsigned, operatorSeed) };
}

function createKeys(): AccountKeys {
  const [account, signer] = [createAccount(), createAccount()];
  return {
    account: account.getPublicKey(),
    accountJwt: '',
    signingKey: signer.getPublicKey(),
    signingSeed: seedOf(signer),
  };
}

/** The same accounts, with these keys revoked as well and what has expired left out. */
export async function withRevocations<Authority extends NatsAuthority>(
  authority: Authority,
  operatorSeed: string,
  added: Readonly<Record<string, Revocation>>,
  nowS: number,
): Promise<Authority> {
  const all = Object.entries({ ...authority.revocations, ...added });
  const revocations = Object.fromEntries(all.filter(([, { until }]) => until > nowS));
  return signed({ ...authority, revocations }, operatorSeed);
}

/** A key is of one account; both refuse it, so that nothing has to be kept of whose it is. */
async function signed<Authority extends NatsAuthority>(authority: Authority, operatorSeed: string): Promise<Authority> {
  const refused = Object.entries(authority.revocations).map(([key, { at }]) => [key, at]);
  const revocations = Object.fromEntries(refused) as Record<string, number>;
  const operator = keyOf(operatorSeed);
  const sign = async (name: NatsAccount): Promise<AccountKeys> => {
    const keys = authority.accounts[name];
    const claims: Partial<Account> = {
      limits: { ...limits, ...storage[name] },
      signing_keys: [keys.signingKey],
      revocations,
    };
    return { ...keys, accountJwt: await encodeAccount(name, fromPublic(keys.account), claims, { signer: operator }) };
  };
  const [fleet, events] = await Promise.all([sign('fleet'), sign('events')]);
  return { ...authority, accounts: { fleet, events } };
}

/** As nats-server is told them. */
export function accountJwts({ accounts }: NatsAuthority): readonly string[] {
  return natsAccounts.map((name) => accounts[name].accountJwt);
}

function forEachAccount<Value>(of: (name: NatsAccount) => Value): Record<NatsAccount, Value> {
  return Object.fromEntries(natsAccounts.map((name) => [name, of(name)])) as Record<NatsAccount, Value>;
}

/** Whether this seed is of the operator who vouches for the account. */
export function isOperatorOf({ operatorJwt }: NatsAuthority, operatorSeed: string): boolean {
  return decode(operatorJwt).sub === keyOf(operatorSeed.trim()).getPublicKey();
}

export interface CredentialsRequest {
  readonly authority: NatsAuthority;
  /** Of the user. */
  readonly name: string;
  readonly permissions: NatsPermissions;
  /** Seconds since 1970. Absent: for ever. */
  readonly expiresAt?: number;
  /** Of a user who gets new credentials before the old ones expire; by default a new user is made. */
  readonly userSeed?: string;
}

/** The content of a credentials file (user JWT and seed): a secret. */
export async function issueCredentials(request: CredentialsRequest): Promise<string> {
  const { authority, name, permissions, expiresAt, userSeed } = request;
  const user = userSeed === undefined ? nativeKeyPair(createUser()) : keyOf(userSeed);
  const { account, signingSeed } = authority.accounts[permissions.account];
  const jwt = await encodeUser(name, user, keyOf(signingSeed), claimsOf(permissions, account), {
    ...(expiresAt === undefined ? {} : { exp: expiresAt }),
  });
  return new TextDecoder().decode(fmtCreds(jwt, user));
}

/** All that a user's JWT says of what it may do. */
export function claimsOf({ publish, subscribe, allowResponses, limits: own }: NatsPermissions, account: string) {
  return {
    pub: only(publish),
    sub: only(subscribe),
    ...(allowResponses ? { resp: responseLimits } : {}),
    subs: own?.subs ?? unlimited,
    // Bytes sent in all, which nothing sensible bounds.
    data: unlimited,
    payload: own?.payload ?? unlimited,
    issuer_account: account,
  } satisfies Partial<User>;
}

/** A list of nothing would allow everything. */
function only(subjects: readonly string[]) {
  return subjects.length === 0 ? { deny: ['>'] } : { allow: [...subjects] };
}

export interface ReadCredentials extends IssuedKey {
  readonly userSeed: string;
  readonly issuer: string;
  readonly claims: Readonly<Record<string, unknown>>;
}

/**
 * Reads a file that we wrote. The signature is not checked: that costs milliseconds for each of thousands of hosts, and the
 * server does it. Throws where the text is no credentials.
 */
export function readCredentials(text: string): ReadCredentials {
  const payload = /^[\w-]+\.([\w-]+)\.[\w-]+$/m.exec(text)?.[1];
  const userSeed = /^SU[A-Z2-7]{56}$/m.exec(text)?.[0];
  if (payload === undefined || userSeed === undefined) throw new Error('these are no credentials of NATS');
  const { sub, iss, iat, exp, nats } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as UserJwt;
  const { type: _type, version: _version, ...claims } = nats;
  const expiry = exp === undefined || exp === 0 ? {} : { expiresAt: exp };
  return { userKey: sub, userSeed, issuer: iss, issuedAt: iat, claims, ...expiry };
}

interface UserJwt {
  readonly sub: string;
  readonly iss: string;
  readonly iat: number;
  readonly exp?: number;
  readonly nats: Readonly<Record<string, unknown>>;
}

/** Valid for a minute: a client that signs in with it may tell the server of a changed account. */
export async function issueSystemCredentials(authority: NatsAuthority, nowS: number): Promise<string> {
  const user = nativeKeyPair(createUser());
  const claims = {
    pub: { allow: ['$SYS.REQ.CLAIMS.UPDATE'] },
    sub: { allow: ['_INBOX.credentials.>'] },
    issuer_account: authority.systemAccount,
  };
  const jwt = await encodeUser('credentials', user, keyOf(authority.systemSigningSeed), claims, { exp: nowS + 60 });
  return new TextDecoder().decode(fmtCreds(jwt, user));
}

function keyOf(seed: string): KeyPair {
  return nativeKeyPair(fromSeed(new TextEncoder().encode(seed)));
}

function seedOf(key: KeyPair): string {
  return new TextDecoder().decode(key.getSeed());
}
