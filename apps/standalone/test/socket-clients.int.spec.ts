import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { connectionsOf } from '../src/infrastructure/socket-clients.js';

let folder: string;
let server: Server;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'drover-socket-'));
  file = path.join(folder, 'daemon-sock');
  server = createServer().listen(file);
  await once(server, 'listening');
});
afterEach(async () => {
  server.close();
  await rm(folder, { recursive: true });
});

it('tells how many are connected to a socket of this process, as they come and go', async () => {
  const connections = () => connectionsOf(process.pid, [file]);
  expect(await connections()).toBe(0);
  const clients: Socket[] = [];
  for (const count of [1, 2]) {
    const client = createConnection(file);
    clients.push(client);
    await Promise.all([once(client, 'connect'), once(server, 'connection')]);
    expect(await connections()).toBe(count);
  }
  for (const client of clients) client.destroy();
  // The daemon's end closes a moment later.
  for (let left = await connections(); left > 0; left = await connections()) await delay(5);
});
