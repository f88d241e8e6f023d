import type { RpcConnection } from './rpc-connection.client.js';

/** Connections for one sort of calls: the least loaded takes the next call, another is opened when all are full. */
export class Lane {
  readonly #open: () => Promise<RpcConnection>;
  readonly #maxConnections: number;
  #connections: RpcConnection[] = [];
  #opening: Promise<void> | undefined;

  constructor(maxConnections: number, open: () => Promise<RpcConnection>) {
    this.#maxConnections = maxConnections;
    this.#open = open;
  }

  add(connection: RpcConnection): void {
    this.#connections.push(connection);
  }

  /** Makes the call on the best connection, at once if there is room, so that calls keep the order they were made in. */
  run<Result>(
    makeCall: (connection: RpcConnection) => Promise<Result>,
    cannotOpen: (error: unknown) => Error,
  ): Promise<Result> {
    const best = this.#leastLoaded();
    if (best !== undefined && (best.hasRoom || this.#connections.length >= this.#maxConnections)) return makeCall(best);
    this.#opening ??= this.#open()
      .then((connection) => void this.#connections.push(connection))
      .finally(() => {
        this.#opening = undefined;
      });
    // Chosen again by each who waited, or all of them would crowd onto the one new connection.
    return this.#opening.then(
      () => this.run(makeCall, cannotOpen),
      (error: unknown) => {
        throw cannotOpen(error);
      },
    );
  }

  closeAll(): void {
    for (const connection of this.#connections) connection.close();
    this.#connections = [];
  }

  #leastLoaded(): RpcConnection | undefined {
    this.#connections = this.#connections.filter((connection) => !connection.isClosed);
    let best = this.#connections[0];
    for (const connection of this.#connections) {
      if (best !== undefined && connection.load < best.load) best = connection;
    }
    return best;
  }
}
