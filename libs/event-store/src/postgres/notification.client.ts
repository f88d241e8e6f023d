import type pg from 'pg';
import { abandon, backoff, connectClient } from './database.client.js';

const shortestIntervalMs = 5;

export interface NotificationOptions {
  readonly connectionString: string;
  readonly channel: string;
  /** Called with the position that some process says is in the store, and with 0 after hints may have been missed. */
  readonly onHint: (newest: number) => void;
}

/**
 * Tells other processes that something was appended, and hears it from them.
 *
 * Only a hint, so it goes by a connection of its own, after the commit and without waiting for the disk, and at most every
 * few milliseconds: inside the appending transaction NOTIFY's lock would serialise all commits of the server. Whatever is
 * lost, polling finds.
 */
export class NotificationClient {
  private client: pg.Client | undefined;
  private told = 0;
  private toTell = 0;
  private isTelling = false;
  private timer: NodeJS.Timeout | undefined;
  private readonly ending = new AbortController();
  private readonly options: NotificationOptions;
  private connecting: Promise<void>;

  constructor(options: NotificationOptions) {
    this.options = options;
    this.connecting = this.connect();
  }

  tell(newest: number): void {
    this.toTell = Math.max(this.toTell, newest);
    if (this.timer === undefined && !this.isTelling) this.flush();
  }

  async close(): Promise<void> {
    this.ending.abort();
    clearTimeout(this.timer);
    await this.connecting;
    await this.client?.end();
  }

  private flush(): void {
    this.timer = undefined;
    if (this.client === undefined || this.toTell <= this.told || this.ending.signal.aborted) return;
    this.told = this.toTell;
    this.isTelling = true;
    const values = [this.options.channel, String(this.told)];
    this.client.query({ name: 'tell', text: 'SELECT pg_notify($1, $2)', values }).then(
      () => {
        this.isTelling = false;
        this.timer = setTimeout(() => this.flush(), shortestIntervalMs);
      },
      () => {
        // The hint is lost with its connection: polling finds what it would have told of.
        this.isTelling = false;
        this.reconnect();
      },
    );
  }

  private reconnect(): void {
    if (this.client === undefined || this.ending.signal.aborted) return;
    abandon(this.client);
    this.client = undefined;
    this.connecting = this.connect();
  }

  private async connect(): Promise<void> {
    const { signal } = this.ending;
    const pause = backoff();
    while (!signal.aborted && this.client === undefined) {
      try {
        this.client = await this.listen();
      } catch {
        // Appends and reads tell of a database that is away, and polling finds what no hint told of. Closing ends the pause.
        await pause(signal).catch(() => undefined);
      }
    }
    this.options.onHint(0);
    this.flush();
  }

  private async listen(): Promise<pg.Client> {
    const client = await connectClient(this.options.connectionString, (lost) => {
      if (this.client === lost) this.reconnect();
    });
    client.on('notification', ({ payload }) => this.options.onHint(Number(payload)));
    try {
      await client.query(`SET synchronous_commit = off; LISTEN "${this.options.channel}"`);
    } catch (error) {
      abandon(client);
      throw error;
    }
    return client;
  }
}
