import { existsSync } from 'node:fs';
import { createConnection } from 'node:net';
import type { Duplex } from 'node:stream';

/** Opens a byte stream to a daemon. Injected, so that tests can put a daemon of their own at the other end. */
export type Transport = () => Promise<Duplex>;

/** Where the modular daemon listens if it is installed, else the monolithic one. Looked up anew at every connect. */
export function defaultSocketPath(runDirectory = '/run/libvirt'): string {
  const modular = `${runDirectory}/virtqemud-sock`;
  return existsSync(modular) ? modular : `${runDirectory}/libvirt-sock`;
}

export function unixSocket(socketPath?: string): Transport {
  return () =>
    new Promise((resolve, reject) => {
      const socket = createConnection({ path: socketPath ?? defaultSocketPath() });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(socket);
      });
    });
}
