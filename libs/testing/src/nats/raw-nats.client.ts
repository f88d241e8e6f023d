import { createConnection, type Socket } from 'node:net';
import { fromSeed } from '@nats-io/nkeys';

/** Who never behaves: speaks NATS's protocol by hand, so that any bytes can be sent. */
export class RawNatsClient {
  /** What the server complained of, in order. */
  readonly errors: string[] = [];
  /** Subjects of the messages without headers that came, in order. */
  readonly heard: string[] = [];
  readonly #socket: Socket;
  readonly #pongs: PromiseWithResolvers<void>[] = [];
  #text = '';
  #sid = 0;
  isClosed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** @param credentials the text of a credentials file. */
  static async connect(url: string, credentials: string): Promise<RawNatsClient> {
    const { hostname, port } = new URL(url);
    const socket = createConnection({ host: hostname, port: Number(port) });
    const client = new RawNatsClient(socket);
    const nonce = await client.#greeting();
    const [, jwt] = /BEGIN NATS USER JWT-+\s+(\S+)/.exec(credentials) ?? [];
    const [, seed] = /BEGIN USER NKEY SEED-+\s+(\S+)/.exec(credentials) ?? [];
    if (jwt === undefined || seed === undefined) throw new Error('these are no credentials');
    const encoder = new TextEncoder();
    const sig = Buffer.from(fromSeed(encoder.encode(seed)).sign(encoder.encode(nonce))).toString('base64url');
    const options = { verbose: false, pedantic: false, headers: true, no_responders: true, lang: 'raw', version: '0' };
    client.write(`CONNECT ${JSON.stringify({ ...options, jwt, sig })}\r\n`);
    await client.flush();
    return client;
  }

  write(bytes: string | Uint8Array): void {
    this.#socket.write(bytes);
  }

  publish(subject: string, payload: string | Uint8Array, replyTo = ''): void {
    const bytes = Buffer.from(payload);
    this.write(
      Buffer.concat([Buffer.from(`PUB ${subject} ${replyTo} ${bytes.length}\r\n`), bytes, Buffer.from('\r\n')]),
    );
  }

  /** @param block the whole block of headers, as it is to be sent. */
  publishWithHeaders(subject: string, block: string | Uint8Array, payload: string, replyTo = ''): void {
    const head = Buffer.from(block);
    const bytes = Buffer.concat([head, Buffer.from(payload)]);
    const line = Buffer.from(`HPUB ${subject} ${replyTo} ${head.length} ${bytes.length}\r\n`);
    this.write(Buffer.concat([line, bytes, Buffer.from('\r\n')]));
  }

  subscribe(subject: string): void {
    this.#sid += 1;
    this.write(`SUB ${subject} ${this.#sid}\r\n`);
  }

  /** Resolves when the server has taken, or refused, all that was written before. */
  async flush(): Promise<void> {
    if (this.isClosed) throw new Error(`the connection is closed: ${this.errors.join(', ')}`);
    const pong = Promise.withResolvers<void>();
    this.#pongs.push(pong);
    this.write('PING\r\n');
    await pong.promise;
  }

  close(): void {
    this.#socket.destroy();
  }

  async #greeting(): Promise<string> {
    const greeting = Promise.withResolvers<string>();
    this.#socket.once('error', greeting.reject);
    this.#socket.on('error', () => undefined);
    this.#socket.once('close', () => {
      this.isClosed = true;
      const reason = new Error(`the server closed the connection: ${this.errors.join(', ')}`);
      for (const pong of this.#pongs.splice(0)) pong.reject(reason);
    });
    this.#socket.on('data', (chunk) => {
      this.#text += chunk.toString('latin1');
      const lines = this.#text.split('\r\n');
      this.#text = lines.pop() ?? '';
      for (const line of lines) {
        if (line.startsWith('INFO ')) greeting.resolve((JSON.parse(line.slice(5)) as { nonce?: string }).nonce ?? '');
        else if (line === 'PONG') this.#pongs.shift()?.resolve();
        else if (line === 'PING') this.write('PONG\r\n');
        else if (line.startsWith('MSG ')) this.heard.push(line.split(' ')[1] ?? '');
        else if (line.startsWith('-ERR ')) this.errors.push(line.slice(5));
      }
    });
    return greeting.promise;
  }
}
