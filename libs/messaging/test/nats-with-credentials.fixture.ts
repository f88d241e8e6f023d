import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  Algorithms,
  createAccount,
  createOperator,
  createUser,
  encodeAccount,
  encodeOperator,
  encodeUser,
  fmtCreds,
} from '@nats-io/jwt';
import { silentLogger, type Metrics } from '@drover/observability';
import { RawNatsClient, startNats, type NatsServer } from '@drover/testing';
import type { DeadLetter, Messaging } from '../src/bus/messaging.port.js';
import { connectMessaging, type NatsMessaging } from '../src/bus/nats-messaging.adapter.js';
import { responseLimits, type NatsAccount, type NatsPermissions } from '../src/permissions/permissions.js';

export interface ConnectionParts {
  readonly metrics?: Metrics;
  readonly deadLetters?: DeadLetter[];
}

type Accounts = Readonly<Record<NatsAccount, ReturnType<typeof createAccount>>>;

/** A nats-server in operator mode, its accounts as those of a home, and clients that connect to it with the permissions of the table. */
export class NatsWithCredentials {
  readonly #accounts: Accounts;
  readonly #server: NatsServer;
  readonly #folder: string;
  readonly #open: { close(): Promise<void> }[] = [];
  #users = 0;

  private constructor(accounts: Accounts, server: NatsServer, folder: string) {
    this.#accounts = accounts;
    this.#server = server;
    this.#folder = folder;
  }

  static async start(): Promise<NatsWithCredentials> {
    const accounts: Accounts = { fleet: createAccount(), events: createAccount() };
    const operator = createOperator();
    const limits = { conn: -1, subs: -1, data: -1, payload: -1, wildcards: true, leaf: -1, imports: -1, exports: -1 };
    const jetStreamLimits = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };
    const algorithm = Algorithms.v2;
    // JetStream in operator mode does not start without a system account, though no client uses it.
    const system = createAccount();
    const systemJwt = await encodeAccount('SYS', system, {}, { algorithm, signer: operator });
    const systemAccount = system.getPublicKey();
    const operatorJwt = await encodeOperator('drover', operator, { system_account: systemAccount }, { algorithm });
    const jwtOf = async (name: NatsAccount) => {
      const account = accounts[name];
      const own = { limits: { ...limits, ...(name === 'events' ? jetStreamLimits : {}) } };
      return `${account.getPublicKey()}: ${await encodeAccount(name, account, own, { algorithm, signer: operator })}`;
    };
    const preload = [await jwtOf('fleet'), await jwtOf('events'), `${systemAccount}: ${systemJwt}`];
    const server = await startNats({
      jetstream: true,
      config: [
        `operator: ${operatorJwt}`,
        `system_account: ${systemAccount}`,
        'resolver: MEMORY',
        // As in a home: a machine that is busy takes its time for a signature.
        'authorization: { timeout: 60 }',
        `resolver_preload: { ${preload.join(', ')} }`,
      ].join('\n'),
    });
    const folder = await mkdtemp(path.join(tmpdir(), 'drover-credentials-'));
    return new NatsWithCredentials(accounts, server, folder);
  }

  get url(): string {
    return this.#server.url;
  }

  async connect(name: string, permissions: NatsPermissions, parts: ConnectionParts = {}): Promise<NatsMessaging> {
    this.#users += 1;
    const credentialsFile = path.join(this.#folder, `${name}-${this.#users}.creds`);
    await writeFile(credentialsFile, await this.#issue(name, permissions), { mode: 0o600 });
    const messaging = await connectMessaging({
      name,
      servers: this.url,
      credentialsFile,
      logger: silentLogger,
      deadLetters: { keep: async (letter) => void parts.deadLetters?.push(letter) },
      ...(parts.metrics === undefined ? {} : { metrics: parts.metrics }),
    });
    this.#open.push(messaging satisfies Messaging);
    return messaging;
  }

  async connectRaw(name: string, permissions: NatsPermissions): Promise<RawNatsClient> {
    const client = await RawNatsClient.connect(this.url, await this.#issue(name, permissions));
    this.#open.push({ close: async () => client.close() });
    return client;
  }

  /** Closes every connection; the server goes on. */
  async disconnect(): Promise<void> {
    await Promise.all(this.#open.splice(0).map((connection) => connection.close()));
  }

  async stop(): Promise<void> {
    await this.disconnect();
    await this.#server.stop();
    await rm(this.#folder, { recursive: true });
  }

  async #issue(name: string, permissions: NatsPermissions): Promise<string> {
    const user = createUser();
    const { allowResponses, limits, publish, subscribe } = permissions;
    const jwt = await encodeUser(
      name,
      user,
      this.#accounts[permissions.account],
      {
        pub: { allow: [...publish], deny: [] },
        sub: { allow: [...subscribe], deny: [] },
        ...(allowResponses ? { resp: responseLimits } : {}),
        ...(limits === undefined ? {} : { ...limits, data: -1 }),
      },
      { algorithm: Algorithms.v2 },
    );
    return new TextDecoder().decode(fmtCreds(jwt, user));
  }
}
