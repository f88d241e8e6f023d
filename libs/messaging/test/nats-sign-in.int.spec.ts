import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createAccount, createUser, encodeUser, fmtCreds } from '@nats-io/jwt';
import { silentLogger } from '@drover/observability';
import { connectNats } from '../src/wire/nats-wire.driver.js';

/** Speaks so much of NATS's protocol that a client signs in, or is told why not. */
async function listen(answers: readonly string[]): Promise<{ readonly url: string; readonly server: Server }> {
  const left = [...answers];
  const server = createServer((socket: Socket) => {
    const answer = left.shift() ?? 'PONG';
    socket.write(
      `INFO ${JSON.stringify({ server_id: 'N', version: '2.10.0', proto: 1, headers: true, max_payload: 1048576, auth_required: true, nonce: 'abc' })}\r\n`,
    );
    socket.on('error', () => socket.destroy());
    socket.once('data', () => {
      if (answer === 'PONG') socket.write('PONG\r\n');
      else socket.end(`-ERR '${answer}'\r\n`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, url: `nats://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

describe('signing in to NATS', () => {
  let folder: string;
  let credentialsFile: string;
  const closing: (() => unknown)[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'drover-sign-in-'));
    credentialsFile = path.join(folder, 'host.creds');
    const user = createUser();
    await writeFile(credentialsFile, fmtCreds(await encodeUser('host', user, createAccount(), {}), user));
  });
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function connectTo(answers: readonly string[]) {
    const { url, server } = await listen(answers);
    closing.push(() => server.close());
    const connection = await connectNats({ servers: url, name: 'host-1', credentialsFile }, silentLogger);
    closing.push(() => connection.close());
    return connection;
  }

  it('is tried again where the server was too busy to hear it in time', async () => {
    const connection = await connectTo(['Authentication Timeout', 'Authentication Timeout']);
    expect(connection.isClosed()).toBe(false);
  });

  it('is an error where the credentials are refused', async () => {
    await expect(connectTo(['Authorization Violation'])).rejects.toThrow(/NATS refuses the credentials of host-1/);
  });
});
