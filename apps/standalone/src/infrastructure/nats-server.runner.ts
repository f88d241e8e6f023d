import { createConnection } from 'node:net';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { StartFailure, startInBackground } from './background-process.js';
import type { BackgroundCommand } from './background-process.js';
import { replaceFile } from './files.js';
import type { NatsAuthority } from './nats-authority.js';
import { holderOf, isListening } from './listening-socket.js';
import type { ProcessIdentity } from './process-identity.js';
import { giveTo, type ServiceUsers } from './system-users.js';

export interface NatsServerOptions {
  /** Holds configuration and JetStream's files. */
  readonly folder: string;
  readonly port: number;
  readonly authority: NatsAuthority;
  readonly logFile: string;
  readonly users: ServiceUsers;
  readonly onLaunched?: BackgroundCommand['onLaunched'];
}

export function natsUrl(port: number): string {
  return `nats://127.0.0.1:${port}`;
}

/** Only what nats-server 2.9.10 knows as well. */
export function natsServerConfig(options: Pick<NatsServerOptions, 'authority' | 'folder' | 'port'>): string {
  const { authority, folder, port } = options;
  return `# Written by ./drover up at each start.
server_name: drover
listen: "127.0.0.1:${port}"
max_payload: 1MB
# What one credential may subscribe stands in it; connections cannot be bounded by credential.
max_connections: 16384
# Hundreds of hosts of one process sign in at once; a machine that is busy takes its time for each.
authorization: { timeout: 60 }
operator: ${authority.operatorJwt}
system_account: ${authority.systemAccount}
# Kept in files, so that an account that is signed again, to revoke a user, is known at the next start as well.
resolver: { type: full, dir: ${JSON.stringify(path.join(folder, 'accounts'))}, allow_delete: false, interval: "2m" }
resolver_preload: {
  ${authority.systemAccount}: ${authority.systemAccountJwt}
  ${Object.values(authority.accounts)
    .map(({ account, accountJwt }) => `${account}: ${accountJwt}`)
    .join('\n  ')}
}
jetstream: {
  store_dir: ${JSON.stringify(path.join(folder, 'jetstream'))}
  max_memory_store: 64MB
  max_file_store: 16GB
}
`;
}

/** Resolves when it takes clients. */
export async function startNatsServer(options: NatsServerOptions): Promise<ProcessIdentity> {
  const { folder, port, logFile, users, onLaunched } = options;
  const holder = await holderOf(port);
  if (holder !== undefined)
    throw new StartFailure(`nats-server cannot listen on port ${port}: ${holder} listens there`);
  const configFile = path.join(folder, 'nats-server.conf');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await giveTo(users.drover, folder);
  await replaceFile(configFile, natsServerConfig(options), 0o600, users.drover);
  return startInBackground(
    {
      ...{ name: 'nats-server', command: 'nats-server', args: ['--config', configFile], logFile },
      ...(onLaunched === undefined ? {} : { onLaunched }),
      ...(users.drover === undefined ? {} : { user: users.drover, logKeeper: users.drover }),
      env: { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` },
    },
    ({ pid }) => isNatsServing(pid, port),
  );
}

/** Whether this process, and no other, listens there and greets as a NATS server does once it serves. */
export async function isNatsServing(pid: number, port: number): Promise<boolean> {
  return (await isListening(pid, port)) && (await greets(port));
}

async function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    const answer = (value: boolean) => {
      socket.destroy();
      resolve(value);
    };
    socket.setTimeout(1000, () => answer(false));
    socket.once('error', () => answer(false));
    socket.once('close', () => answer(false));
    socket.once('data', (chunk) => answer(chunk.toString('latin1').startsWith('INFO ')));
  });
}
