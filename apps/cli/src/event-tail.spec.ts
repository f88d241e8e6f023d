import { describe, expect, it } from '@jest/globals';
import { ApiError, UnreachableError } from './api.client.js';
import { tailEvents } from './event-tail.js';

const storedEvent = (position: number) => ({
  ...{ id: `0199c4e2-0b1a-8000-8000-${String(position).padStart(12, '0')}`, stream: 'cluster-default', data: {} },
  ...{ revision: position, position: String(position), recordedAt: '2026-03-01T10:00:00.000Z' },
  ...{ type: 'ClusterCreated', schemaVersion: 1 },
  meta: { at: '2026-03-01T10:00:00.000Z', actor: { kind: 'service', id: 'ha-manager' } },
});
const id = (position: number) => `retry: 1000\nid: ${position}\n\n`;
const event = (position: number) => `id: ${position}\ndata: ${JSON.stringify(storedEvent(position))}\n\n`;
const broken = new UnreachableError('the connection broke');
const refusal = (status: number) =>
  new ApiError({ type: 'x', title: 'x', status, detail: 'x', code: 'SERVICE_UNAVAILABLE', requestId: 'x' });

/** Each connection is what it sends, then how it breaks; or how it is refused. Interrupted after the last. */
async function follow(connections: readonly (readonly (string | Error)[] | Error)[], from?: string) {
  const interrupted = new AbortController();
  const heard = { positions: [] as string[], asked: [] as (string | undefined)[], paused: [] as number[] };
  const remarks: string[] = [];
  const left = [...connections];
  const tail = tailEvents(
    {
      open: (position) => {
        heard.asked.push(position);
        const next = left.shift() ?? [];
        return next instanceof Error ? Promise.reject(next) : Promise.resolve(sending(next));
      },
      pause: (ms) => {
        heard.paused.push(ms);
        if (left.length === 0) interrupted.abort();
        return Promise.resolve();
      },
      remark: (text) => remarks.push(text),
      signal: interrupted.signal,
    },
    from,
  );
  for await (const { position } of tail) heard.positions.push(position);
  return { ...heard, remarks };
}

async function* sending(parts: readonly (string | Error)[]): AsyncIterable<Uint8Array> {
  for (const part of parts) {
    if (part instanceof Error) throw part;
    yield await Promise.resolve(new TextEncoder().encode(part));
  }
}

describe('the tail of events', () => {
  it('goes on after the last event when the connection breaks', async () => {
    const { positions, asked } = await follow([
      [id(4), event(5), event(6).slice(0, 20), broken],
      [event(6), event(7)],
    ]);
    expect(positions).toEqual(['5', '6', '7']);
    expect(asked).toEqual([undefined, '5']);
  });

  it('comes back to where it began when nothing had happened before the break', async () => {
    const { asked } = await follow([[id(4), broken], [id(4)]]);
    expect(asked).toEqual([undefined, '4']);
  });

  it('comes back behind what was filtered out', async () => {
    const { asked } = await follow([[id(4), event(5), id(9), broken], []], '0');
    expect(asked).toEqual(['0', '9']);
  });

  it('tells once that the connection broke, and that it is there again', async () => {
    const { remarks, positions } = await follow([[event(5)], broken, refusal(503), broken, [event(6)]], '4');
    expect(remarks).toEqual([
      'events behind position 5, as they come',
      'the connection broke; reconnecting',
      'connected again',
      'the connection broke; reconnecting',
    ]);
    expect(positions).toEqual(['5', '6']);
  });

  it('waits longer from time to time, and from the beginning after each connection', async () => {
    const { paused } = await follow([[id(1)], ...Array.from({ length: 7 }, () => broken), [id(1)], broken]);
    expect(paused).toEqual([250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000, 250, 500]);
  });

  it.each([
    ['no answer comes at first', [broken], UnreachableError],
    ['the API is not ready at first', [refusal(503)], ApiError],
    ['the API refuses later', [[id(1)], refusal(401)], ApiError],
  ])('fails when %s', async (_when, connections, kind) => {
    await expect(follow(connections)).rejects.toThrow(kind);
  });
});
