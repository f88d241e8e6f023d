import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { forEachService, MAX_EVENT_BYTES } from '@drover/contracts';
import { startPostgres, type PostgresServer } from '@drover/testing';
import pg from 'pg';
import { openPostgresEventStore, prepareStore, type PostgresEventStore } from '../src/index.js';
import { anEvent, aStream } from '../src/testing/index.js';

const names = ['streams', 'append_stream', 'append_expected', 'append_count'] as const;
const ofEvents = ['event_id', 'event_type', 'event_version', 'event_data', 'event_meta'] as const;
type Name = (typeof names)[number] | (typeof ofEvents)[number];
type Call = Readonly<Record<Name, readonly string[]>>;
type Literals = Readonly<Record<Name, string>>;

const types = ['text', 'int', 'int', 'int', 'uuid', 'text', 'int', 'json', 'json'];
const parameters = types.map((type, index) => `$${index + 1}::${type}[]`).join(', ');
const statement = `SELECT * FROM event_store.append_events(1000, ${parameters})`;

/** Elements as PostgreSQL reads them in an array literal. */
const elements = (values: readonly string[]) =>
  values.map((value) => `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`).join(',');
const plain = (values: readonly string[]) => `{${elements(values)}}`;
const from = (lowest: number) => (values: readonly string[]) =>
  `[${lowest}:${lowest + values.length - 1}]={${elements(values)}}`;

const wrong: readonly (readonly [string, (values: readonly string[]) => string])[] = [
  ['begins below 1', from(0)],
  ['begins above 1', from(2)],
  ['has rows', (values) => `{{${elements(values)}}}`],
  ['has a NULL', (values) => `{NULL,${elements(values.slice(1))}}`],
  ['has one NULL more', (values) => `{${elements(values)},NULL}`],
  ['has nothing', () => '{}'],
];

describe('the append function, called by a service with arrays of its own', () => {
  let server: PostgresServer;
  let service: pg.Client;
  let reader: PostgresEventStore;
  let call: Call;

  beforeAll(async () => {
    server = await startPostgres();
    const ownerUrl = await server.createDatabase('fleet');
    const { urls } = await prepareStore({ ownerUrl, passwords: forEachService((name) => name) });
    service = new pg.Client({ connectionString: urls['vm-manager'] });
    await service.connect();
    reader = await openPostgresEventStore({ connectionString: urls['vm-manager'] });
  }, 60_000);
  afterAll(async () => {
    await reader.close();
    await service.end();
    await server.stop();
  });
  beforeEach(() => {
    call = callOf(2, { streams: [aStream(), aStream()], append_stream: ['1', '2'], append_count: ['1', '1'] });
  });

  function callOf(events: number, own: Pick<Call, 'streams' | 'append_stream' | 'append_count'>): Call {
    const each = (value: () => string) => Array.from({ length: events }, value);
    const { data, meta } = anEvent();
    return {
      ...own,
      append_expected: own.append_stream.map(() => '-2'),
      event_id: each(() => anEvent().id),
      event_type: each(() => 'VmStarted'),
      event_version: each(() => '1'),
      event_data: each(() => JSON.stringify(data)),
      event_meta: each(() => JSON.stringify(meta)),
    };
  }

  async function append(odd: Partial<Literals> = {}): Promise<readonly number[] | undefined> {
    const literals = [...names, ...ofEvents].map((name) => odd[name] ?? plain(call[name]));
    return (await service.query<{ outcomes: number[] }>(statement, literals)).rows[0]?.outcomes;
  }

  async function expectRefused(odd: Partial<Literals>): Promise<void> {
    const before = await reader.head();
    await expect(append(odd)).rejects.toMatchObject({ code: '22023' });
    expect(await reader.head()).toBe(before);
  }

  it('stores what plain arrays say', async () => {
    expect(await append()).toEqual([1, 1]);
  });

  describe.each([...names, ...ofEvents])('refuses %s', (name) => {
    it.each(wrong)('that %s', async (_what, literal) => {
      await expectRefused({ [name]: literal(call[name]) });
    });

    it('that is of another length', async () => {
      const values = call[name];
      if (name !== 'streams') await expectRefused({ [name]: plain([...values, ...values.slice(0, 1)]) });
      await expectRefused({ [name]: plain(values.slice(1)) });
    });
  });

  it.each(['0', '-1', '3'])('refuses an append of the stream at place %s, where none is', async (place) => {
    await expectRefused({ append_stream: plain(['1', place]) });
  });

  it.each<[string, Name, readonly string[]]>([
    ['an event that no reader holds', 'event_data', ['{}', JSON.stringify('x'.repeat(MAX_EVENT_BYTES))]],
    ['meta that no reader holds', 'event_meta', ['{}', JSON.stringify('x'.repeat(MAX_EVENT_BYTES))]],
    ['a type without a name', 'event_type', ['VmStarted', '']],
    ['a type with a long name', 'event_type', ['VmStarted', 'V'.repeat(101)]],
    ['a version that is none', 'event_version', ['1', '0']],
    ['a stream with another name', 'streams', [aStream(), 'vm-'.padEnd(200, 'x')]],
    ['a stream of no thing', 'streams', [aStream(), 'vm-']],
    ['a stream of two lines', 'streams', [aStream(), 'vm-a\nb']],
  ])('takes nothing with %s: it could never be removed', async (_what, name, values) => {
    const before = await reader.head();
    await expect(append({ [name]: plain(values) })).rejects.toMatchObject({ code: '23514' });
    expect(await reader.head()).toBe(before);
  });

  it('leaves no gap where counts are shifted against their appends', async () => {
    const stream = aStream();
    call = callOf(7, { streams: [stream], append_stream: ['1', '1', '1'], append_count: ['5', '1', '1'] });
    await expectRefused({ append_expected: '{-1,-2,-1}', append_count: '[0:2]={5,1,1}' });
    expect(await reader.read(stream)).toEqual([]);
  });
});
