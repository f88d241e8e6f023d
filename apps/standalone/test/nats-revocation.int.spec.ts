import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { connect, credsAuthenticator, type NatsConnection } from '@nats-io/transport-node';
import { inboxOfHost, subjectsUnder, type HostId } from '@drover/contracts';
import { connectMessaging, type NatsMessaging } from '@drover/messaging';
import { silentLogger } from '@drover/observability';
import {
  createNatsAuthority,
  EVENT_RELAY,
  eventRelayPermissions,
  freePort,
  hostPermissions,
  hostUserName,
  issueCredentials,
  natsUrl,
  pushAccounts,
  readCredentials,
  startNatsServer,
  stopProcess,
  withRevocations,
  type NatsAuthority,
  type ProcessIdentity,
} from '../src/infrastructure/index.js';

const subjects = subjectsUnder('drover');
const hostId = '0199c4e2-0000-7000-8000-00000000000a' as HostId;
const nowS = () => Math.floor(Date.now() / 1000);
const DAY_S = 86_400;

describe('credentials on a running nats-server', () => {
  let folder: string;
  let port: number;
  let authority: NatsAuthority;
  let operatorSeed: string;
  let server: ProcessIdentity;
  const connections: NatsConnection[] = [];

  const start = () => startNatsServer({ folder, port, authority, users: {}, logFile: path.join(folder, 'nats.log') });
  const issue = (expiresAt = nowS() + DAY_S, userSeed?: string) =>
    issueCredentials({
      ...{ authority, name: hostUserName(hostId), permissions: hostPermissions(hostId, subjects), expiresAt },
      ...(userSeed === undefined ? {} : { userSeed }),
    });
  async function connectWith(credentials: string): Promise<NatsConnection> {
    const connection = await connect({
      servers: natsUrl(port),
      inboxPrefix: inboxOfHost(hostId),
      maxReconnectAttempts: 0,
      authenticator: credsAuthenticator(new TextEncoder().encode(credentials)),
    });
    connections.push(connection);
    return connection;
  }
  async function revoke(credentials: string): Promise<void> {
    const { userKey, expiresAt = nowS() + DAY_S } = readCredentials(credentials);
    authority = await withRevocations(authority, operatorSeed, { [userKey]: { at: nowS(), until: expiresAt } }, nowS());
    await pushAccounts(natsUrl(port), authority);
  }

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'drover-nats-'));
    port = await freePort();
    ({ authority, operatorSeed } = await createNatsAuthority());
    server = await start();
  });
  afterEach(async () => {
    await Promise.all(connections.splice(0).map((connection) => connection.close()));
  });
  afterAll(async () => {
    await stopProcess(server);
    await rm(folder, { recursive: true, force: true });
  });

  it('cuts a revoked, connected client off at once, lets it not come back, and leaves the others alone', async () => {
    const [taken, kept] = [await issue(), await issue()];
    const [hostile, honest] = [await connectWith(taken), await connectWith(kept)];
    await revoke(taken);
    await hostile.closed();
    await expect(connectWith(taken)).rejects.toThrow(/authorization/i);
    await honest.flush();
    expect(honest.isClosed()).toBe(false);
    await connectWith(await issue());
  });

  it('cuts off a user of the account of events as well', async () => {
    const relay = () =>
      issueCredentials({ authority, name: EVENT_RELAY, permissions: eventRelayPermissions(subjects) });
    const [taken, kept] = [await relay(), await relay()];
    const [hostile, honest] = [await connectWith(taken), await connectWith(kept)];
    await revoke(taken);
    await hostile.closed();
    await expect(connectWith(taken)).rejects.toThrow(/authorization/i);
    await honest.flush();
  });

  it('refuses it also after the server was started again', async () => {
    const taken = await issue();
    await revoke(taken);
    await stopProcess(server);
    server = await start();
    await expect(connectWith(taken)).rejects.toThrow(/authorization/i);
  });

  it('refuses what another key has signed', async () => {
    const other = await createNatsAuthority();
    const { signingSeed } = other.authority.accounts.fleet;
    const forged = await issueCredentials({
      authority: {
        ...authority,
        accounts: { ...authority.accounts, fleet: { ...authority.accounts.fleet, signingSeed } },
      },
      name: hostUserName(hostId),
      permissions: hostPermissions(hostId, subjects),
    });
    await expect(connectWith(forged)).rejects.toThrow(/authorization/i);
  });

  it('goes on with the renewed file when the credentials expire that a client is connected with', async () => {
    const file = path.join(folder, 'host.creds');
    const first = await issue(nowS() + 2);
    await writeFile(file, first);
    const messaging: NatsMessaging = await connectMessaging({
      name: hostUserName(hostId),
      servers: natsUrl(port),
      credentialsFile: file,
      logger: silentLogger,
      deadLetters: { keep: () => Promise.resolve() },
    });
    const reconnected = new Promise<void>((resolve) => messaging.onReconnect(resolve));
    await writeFile(file, await issue(nowS() + DAY_S, readCredentials(first).userSeed));
    await reconnected;
    await messaging.flush();
    expect(messaging.state).toBe('connected');
    await messaging.close();
    // In the second in which credentials expire, the server takes them and ends the connection at once; from then on it refuses them.
    const whileTaken = async () => {
      for (;;) await (await connectWith(first)).closed();
    };
    await expect(whileTaken()).rejects.toThrow(/expired|authorization/i);
  }, 20_000);
});
