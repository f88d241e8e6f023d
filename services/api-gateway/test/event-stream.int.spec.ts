import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createMemoryGateway, SPEC_TOKEN, vmIdOf, type MemoryGateway } from '../src/testing/index.js';

interface Message {
  readonly id: string;
  readonly event: string | undefined;
  readonly data: string | undefined;
}

describe('the stream of events', () => {
  let gateway: MemoryGateway;
  let url: string;
  const aborts: AbortController[] = [];

  beforeEach(async () => {
    gateway = await createMemoryGateway();
    await gateway.app.listen(0, '127.0.0.1');
    url = await gateway.app.getUrl();
  });
  afterEach(async () => {
    for (const abort of aborts.splice(0)) abort.abort();
    await gateway.stop();
  });

  async function open(query: string, headers: Record<string, string> = {}) {
    const abort = new AbortController();
    aborts.push(abort);
    const response = await fetch(`${url}/api/v1/events${query}`, {
      headers: { authorization: `Bearer ${SPEC_TOKEN}`, ...headers },
      signal: abort.signal,
    });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    return { messages: messagesIn(response), close: () => abort.abort() };
  }

  it('loses and repeats nothing over any number of reconnects', async () => {
    const seen: string[] = [];
    let last: string | undefined;
    let written = 0;
    const writing = (async () => {
      for (; written < 120; written += 1) {
        await gateway.story.requested(`vm-${written}`);
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    while (seen.length < 240) {
      const { messages, close } = await open('?from=0', last === undefined ? {} : { 'last-event-id': last });
      let count = 0;
      for await (const message of messages) {
        last = message.id;
        if (message.data !== undefined) {
          seen.push((JSON.parse(message.data) as { position: string }).position);
          count += 1;
        }
        // Cut anywhere: also right behind a message and before the place that follows it.
        if (count > seen.length % 23) break;
        if (seen.length === 240) break;
      }
      close();
    }
    await writing;
    expect(seen).toEqual(Array.from({ length: 240 }, (_, index) => String(index + 1)));
  }, 20_000);

  it('lets through what its filters say, and still tells the place to come back to', async () => {
    await gateway.story.host('h1');
    await gateway.story.requested('a');
    await gateway.story.requested('b');
    const { messages } = await open(`?from=0&kinds=vm&types=VmRequested&vm=${vmIdOf('b')}`);
    const got: Message[] = [];
    for await (const message of messages) {
      got.push(message);
      if (message.id === '5') break;
    }
    expect(got.filter((message) => message.data !== undefined)).toMatchObject([{ id: '4', event: 'VmRequested' }]);
  });

  it('begins with what comes from now on', async () => {
    await gateway.story.requested('before');
    const { messages } = await open('');
    const first = messages.next();
    await gateway.story.requested('after');
    let message = (await first).value as Message;
    while (message.data === undefined) message = (await messages.next()).value as Message;
    expect(JSON.parse(message.data)).toMatchObject({ type: 'VmRequested', data: { name: 'after' } });
  });

  it('tells where it begins before anything happens', async () => {
    await gateway.story.requested('before');
    const { messages } = await open('');
    expect((await messages.next()).value).toEqual({ id: '2', event: undefined, data: undefined });
  });

  it('keeps a client that does not read in the store and not in memory', async () => {
    const description = 'x'.repeat(1000);
    for (let index = 0; index < 3000; index += 1) {
      await gateway.story.requested(`vm-${index}`, {
        spec: {
          metadata: {
            annotations: Object.fromEntries(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((key) => [key, description])),
          },
        },
      });
    }
    const accepted = new Promise<Socket>((resolve) => gateway.app.getHttpServer().once('connection', resolve));
    const { hostname, port } = new URL(url);
    const connection = connect({ host: hostname, port: Number(port) });
    const ours = await accepted;
    connection.pause();
    connection.write(`GET /api/v1/events?from=0 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${SPEC_TOKEN}\r\n\r\n`);
    // 26 MB wait in the store. The sender stops when the socket takes no more, long before that.
    let most = 0;
    let sent = 0;
    for (let still = 0; still < 50;) {
      await new Promise((resolve) => setTimeout(resolve, 2));
      most = Math.max(most, ours.writableLength);
      still = ours.bytesWritten === sent && sent > 0 ? still + 1 : 0;
      sent = ours.bytesWritten;
    }
    expect(most).toBeLessThan(1_000_000);
    expect(sent).toBeLessThan(15_000_000);
    connection.destroy();
  }, 30_000);

  it('ends with the service', async () => {
    const { messages } = await open('?from=0');
    // In good order or cut off in between: what is tested is that it ends.
    const ended = (async () => {
      for await (const _ of messages);
    })().catch(() => undefined);
    await gateway.stop();
    await ended;
    gateway = await createMemoryGateway();
  });

  it('is a page where JSON is asked for', async () => {
    await gateway.story.requested('a');
    await gateway.story.requested('b');
    const ask = async (query: string) =>
      (
        await gateway.ask({ method: 'GET', url: `/api/v1/events${query}`, headers: { accept: 'application/json' } })
      ).json<{
        items: { type: string }[];
        next: string;
        isEnd: boolean;
      }>();
    const first = await ask('?limit=3');
    expect(first.items.map(({ type }) => type)).toEqual(['VmRequested', 'OperationBegan', 'VmRequested']);
    expect(first.isEnd).toBe(false);
    expect(await ask(`?from=${first.next}`)).toMatchObject({ items: [{ type: 'OperationBegan' }], isEnd: true });
  });
});

async function* messagesIn(response: Response): AsyncGenerator<Message> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const fields = new Map(
        text
          .slice(0, end)
          .split('\n')
          .map((line) => [line.slice(0, line.indexOf(': ')), line.slice(line.indexOf(': ') + 2)]),
      );
      text = text.slice(end + 2);
      const id = fields.get('id');
      if (id !== undefined) yield { id, event: fields.get('event'), data: fields.get('data') };
    }
  }
}
