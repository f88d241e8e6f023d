import { describe, expect, it } from '@jest/globals';
import type { Clock } from '@drover/domain-kit';
import pg from 'pg';
import { encodeEvents } from '../new-event.codec.js';
import { SeenHistory } from '../seen-history.state.js';
import { anEvent, aStream } from '../testing/events.js';
import { AppendRunner, type AppendConnection } from './append.runner.js';
import { tablesIn } from './schema.js';

/** What the function was asked: how long it may wait for the lock, and the streams of the group. */
interface Sent {
  readonly waitMs: number;
  readonly streams: readonly string[];
}

type Answer = 'stored' | 'waited too long' | Error;

/** The text of a one-dimensional array as `textArray` writes it. */
function textsIn(array: Buffer): readonly string[] {
  const texts: string[] = [];
  for (let offset = 20; offset < array.length;) {
    const length = array.readInt32BE(offset);
    texts.push(array.toString('utf8', offset + 4, offset + 4 + length));
    offset += 4 + length;
  }
  return texts;
}

/** Runs appends of 5 s against a database that `serve` plays; `connect` may let time pass. */
function against(serve: (sent: Sent, clock: { nowMs: number }) => Promise<Answer> | Answer, connectMs = 0) {
  const time = { nowMs: 0 };
  const clock: Clock = { monotonicMs: () => time.nowMs, epochMs: () => 0 };
  const sent: Sent[] = [];
  let position = 0;
  const connection: AppendConnection = {
    query: async (query) => {
      const [waitMs, streams, appendStreams] = query.values as [number, Buffer, Buffer];
      const group = { waitMs, streams: textsIn(streams) };
      sent.push(group);
      const answer = await serve(group, time);
      if (answer instanceof Error) throw answer;
      const appends = appendStreams.readInt32BE(12);
      const list = (value: () => number) => `{${Array.from({ length: appends }, value).join(',')}}`;
      const row = { outcomes: list(() => 1), revisions: list(() => 0), positions: list(() => ++position) };
      const nothing = { outcomes: null, revisions: null, positions: null };
      return { rows: [answer === 'stored' ? row : nothing] as never[] };
    },
    end: async () => undefined,
  };
  const runner = new AppendRunner({
    connect: async () => {
      time.nowMs += connectMs;
      return connection;
    },
    clock,
    history: new SeenHistory(),
    tables: tablesIn('spec'),
    appendTimeoutMs: 5_000,
    onCommitted: () => undefined,
  });
  const append = (stream = aStream()) => runner.append(stream, 'any', encodeEvents(stream, [anEvent()]));
  return { append, sent, time };
}

/** As `pg` ends a query that was not answered in time. */
const silent = () => new Error('Query read timeout');

function refusal(): Error {
  const error = new pg.DatabaseError('stack depth limit exceeded', 0, 'error');
  error.code = '54001';
  return error;
}

const fault = (outcome: string) => ({ name: 'Fault', code: 'STORE_UNAVAILABLE', outcome });

describe('an append', () => {
  it('is not sent any more when it has waited behind others for longer than its time', async () => {
    let second: Promise<unknown> | undefined;
    const { append, sent } = against((_, time) => {
      second ??= append('vm-second');
      time.nowMs += 5_001;
      return silent();
    });
    const first = append();
    await expect(first).rejects.toMatchObject(fault('unknown'));
    await expect(second).rejects.toMatchObject(fault('not-applied'));
    expect(sent.flatMap(({ streams }) => streams)).not.toContain('vm-second');
  });

  it('is not sent any more when its time has passed while the connection was made', async () => {
    const { append, sent } = against(() => 'stored', 5_001);
    await expect(append()).rejects.toMatchObject(fault('not-applied'));
    expect(sent).toEqual([]);
  });

  it('gives the database no more time to wait for the lock than it has left', async () => {
    const { append, sent } = against(() => 'stored', 1_500);
    await append();
    expect(sent).toMatchObject([{ waitMs: 3_500 }]);
  });

  it('was not made where the database says that the lock came too late', async () => {
    const { append, time } = against(() => {
      time.nowMs = 5_000;
      return 'waited too long';
    });
    await expect(append()).rejects.toMatchObject(fault('not-applied'));
  });

  it('goes through with few more transactions when the database refuses one of its group', async () => {
    const bad = aStream();
    const { append, sent } = against(({ streams }) => (streams.includes(bad) ? refusal() : 'stored'));
    const others = Array.from({ length: 64 }, () => append());
    const refused = append(bad);
    await expect(refused).rejects.toMatchObject({ cause: { code: '54001' } });
    expect(await Promise.all(others)).toHaveLength(64);
    // Halved until the one is found: not one transaction for each of the 65.
    expect(sent.length).toBeLessThanOrEqual(2 * Math.ceil(Math.log2(65)) + 1);
  });

  it('goes alone once the database has refused one of its stream, and delays no group any more', async () => {
    const bad = aStream();
    const { append, sent } = against(({ streams }) => (streams.includes(bad) ? refusal() : 'stored'));
    await expect(append(bad)).rejects.toThrow();
    for (let round = 0; round < 3; round += 1) {
      sent.splice(0);
      const appends = [...Array.from({ length: 20 }, () => append()), ...[1, 2, 3].map(() => append(bad))];
      const results = await Promise.allSettled(appends);
      expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(3);
      expect(sent.map(({ streams }) => streams.length).toSorted((a, b) => a - b)).toEqual([1, 1, 1, 20]);
    }
  });

  it('is one of many again when the database has taken one of its stream', async () => {
    const stream = aStream();
    const answers: Answer[] = [refusal(), 'stored', 'stored'];
    const { append, sent } = against(() => answers.shift() ?? 'stored');
    await expect(append(stream)).rejects.toThrow();
    await append(stream);
    await Promise.all([append(stream), append()]);
    expect(sent.at(-1)?.streams).toHaveLength(2);
  });

  it('that meets a mistake in our own code fails at once, and is not taken for an absent database', async () => {
    const { append, sent } = against(() => new TypeError('undefined is not a function'));
    await expect(append()).rejects.toMatchObject({ cause: { name: 'TypeError' } });
    expect(sent).toHaveLength(1);
  });
});
