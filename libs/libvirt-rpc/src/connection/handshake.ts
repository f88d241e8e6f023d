import type { Duplex } from 'node:stream';
import { errorCodes } from '../facade/error-codes.js';
import { clientError } from './pending-call.js';
import { RpcConnection } from './rpc-connection.client.js';
import type { ConnectionOptions } from './rpc-connection.client.js';
import type { Transport } from './transport.js';

export interface OpenOptions extends ConnectionOptions {
  readonly transport: Transport;
  readonly uri: string;
}

const authTypes = { none: 0, polkit: 2 } as const;
const keepaliveFeature = 10;

/** Connects, authenticates and opens the hypervisor, in the order that the daemon insists on. */
export async function openConnection(options: OpenOptions): Promise<RpcConnection> {
  const connection = new RpcConnection(await connect(options), options);
  try {
    // First of all calls: its handler is what lets root past polkit.
    const { types } = await connection.call('AUTH_LIST', {});
    if (types.includes(authTypes.polkit)) await connection.call('AUTH_POLKIT', {});
    else if (types.length > 0 && !types.includes(authTypes.none)) {
      throw clientError(
        'AUTH_LIST',
        errorCodes.AUTH_UNAVAILABLE,
        'not-applied',
        `the daemon offers authentication ${types.join(', ')}, this client none (0) and polkit (2)`,
      );
    }
    // Starts the daemon's own pings, by which it notices a client that is gone.
    if (options.keepalive !== null) await connection.call('CONNECT_SUPPORTS_FEATURE', { feature: keepaliveFeature });
    await connection.call('CONNECT_OPEN', { name: options.uri, flags: 0 });
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

async function connect(options: OpenOptions): Promise<Duplex> {
  try {
    return await options.transport();
  } catch (cause) {
    const message = `no connection: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw clientError('connect', errorCodes.NO_CONNECT, 'not-applied', message, cause);
  }
}
