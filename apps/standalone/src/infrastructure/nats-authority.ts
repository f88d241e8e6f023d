/**
 * The keys of NATS's operator mode. The operator vouches for accounts, an account for its users; the server knows only the
 * operator and the accounts, so that a new service or host gets its credentials without a reload.
 */
import { encodeAccount, encodeOperator, encodeUser, fmtCreds } from '@nats-io/jwt';
import { createAccount, createOperator, createUser, fromSeed } from '@nats-io/nkeys';
import { nativeKeyPair } from './native-key-pair.js';
import { responseLimits, type NatsPermissions } from './nats-permissions.js';

export interface NatsAuthority {
  readonly operatorJwt: string;
  readonly systemAccount: string;
  readonly systemAccountJwt: string;
  readonly account: string;
  readonly accountJwt: string;
  /** Signs users. Whoever has it may be anybody. */
  readonly accountSeed: string;
}

export interface CredentialsRequest {
  readonly accountSeed: string;
  /** Of the user. */
  readonly name: string;
  readonly permissions: NatsPermissions;
}

const unlimited = -1;

export async function createNatsAuthority(): Promise<NatsAuthority> {
  const operator = createOperator();
  const system = createAccount();
  const account = createAccount();
  const limits = {
    ...{ subs: unlimited, data: unlimited, payload: unlimited, imports: 0, exports: 0 },
    ...{ wildcards: true, conn: unlimited, leaf: 0 },
  };
  const storage = { mem_storage: unlimited, disk_storage: unlimited, streams: unlimited, consumer: unlimited };
  return {
    operatorJwt: await encodeOperator('drover', operator, { system_account: system.getPublicKey() }),
    systemAccount: system.getPublicKey(),
    systemAccountJwt: await encodeAccount('system', system, { limits }, { signer: operator }),
    account: account.getPublicKey(),
    accountJwt: await encodeAccount('drover', account, { limits: { ...limits, ...storage } }, { signer: operator }),
    accountSeed: new TextDecoder().decode(account.getSeed()),
  };
}

/** The content of a credentials file (user JWT and seed): a secret. Every call makes a new user. */
export async function issueCredentials(request: CredentialsRequest): Promise<string> {
  const account = nativeKeyPair(fromSeed(new TextEncoder().encode(request.accountSeed)));
  const user = nativeKeyPair(createUser());
  const { publish, subscribe, allowResponses, limits } = request.permissions;
  const jwt = await encodeUser(request.name, user, account, {
    pub: { allow: [...publish] },
    sub: { allow: [...subscribe] },
    ...(allowResponses ? { resp: responseLimits } : {}),
    subs: limits?.subs ?? unlimited,
    // Bytes sent in all, which nothing sensible bounds.
    data: unlimited,
    payload: limits?.payload ?? unlimited,
  });
  return new TextDecoder().decode(fmtCreds(jwt, user));
}
