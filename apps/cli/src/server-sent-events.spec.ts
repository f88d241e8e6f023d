import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readServerSentEvents, type ServerSentEvent } from './server-sent-events.codec.js';

async function read(chunks: readonly Uint8Array[]): Promise<readonly ServerSentEvent[]> {
  const events: ServerSentEvent[] = [];
  const source = (async function* () {
    for (const chunk of chunks) yield await Promise.resolve(chunk);
  })();
  for await (const event of readServerSentEvents(source)) events.push(event);
  return events;
}

const text =
  ': hello\n\nretry: 1000\nid: 6\n\nid: 7\ndata: {"a":"é"}\n\nid: 8\r\ndata: one\r\ndata: two\r\n\r\nid: 9\n\n' +
  'data: whole\n\nid: 10\ndata: cut off';

describe('readServerSentEvents', () => {
  it('gives whole messages and every id, joins data lines and passes comments over', async () => {
    expect(await read([new TextEncoder().encode(text)])).toEqual([
      { id: '6', data: undefined },
      { id: '7', data: '{"a":"é"}' },
      { id: '8', data: 'one\ntwo' },
      { id: '9', data: undefined },
      { id: '9', data: 'whole' },
    ]);
  });

  it('gives the same however the bytes are cut', async () => {
    const bytes = new TextEncoder().encode(text.replaceAll('\r\n', '\n'));
    const whole = await read([bytes]);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(bytes.length), { maxLength: 6 }), async (cuts) => {
        const points = [0, ...cuts.sort((a, b) => a - b), bytes.length];
        const chunks = points.slice(1).map((end, index) => bytes.subarray(points[index], end));
        expect(await read(chunks)).toEqual(whole);
      }),
    );
  });
});
