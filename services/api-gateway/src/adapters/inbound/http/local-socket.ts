import { rm } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { once } from 'node:events';

/**
 * The API on a unix socket next to its port: for clients of this machine who must know whom they send their token to. Only who
 * may write into the socket's folder can be behind it.
 */
export async function listenOnSocket(path: string, answer: RequestListener): Promise<Server> {
  // What a process that was killed has left there; the folder is this process's own.
  await rm(path, { force: true });
  const server = createServer({ requestTimeout: 30_000 }, answer);
  server.listen(path);
  await once(server, 'listening');
  return server;
}

/** Resolves when every answer under way was given. */
export async function closeSocket(server: Server | undefined): Promise<void> {
  if (server === undefined) return;
  const closed = once(server, 'close');
  server.close();
  server.closeIdleConnections();
  await closed;
}
