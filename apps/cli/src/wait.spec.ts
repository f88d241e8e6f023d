import { describe, expect, it } from '@jest/globals';
import type { OperationResource } from '@drover/contracts';
import { ApiError, UnreachableError } from './api.client.js';
import { explain, wordFor } from './exit-status.js';
import { withNearName } from './near-names.js';
import { printable, renderTable, TableWriter } from './output/table.js';
import { followUntil, outcomeSentence } from './wait.js';

const refusal = (status: number, code = 'NOT_YET', more: object = {}) =>
  new ApiError({ type: 'x', title: 'Do this.', status, detail: 'd', code, requestId: 'r', ...more } as never);
const operation = (more: object = {}) =>
  ({
    ...{
      id: 'op',
      kind: 'vm.create',
      state: 'RUNNING',
      subject: { kind: 'vm', id: 'v', name: 'web' },
      endedAt: null,
      progress: null,
    },
    ...{ beganAt: '2026-01-01T00:00:00.000Z', error: null, undone: [], left: [] },
    ...more,
  }) as unknown as OperationResource;
const done = operation({ state: 'SUCCEEDED', endedAt: '2026-01-01T00:00:01.000Z' });

async function follow(answers: readonly (OperationResource | Error)[], interrupted = new AbortController()) {
  const left = [...answers];
  let nowMs = 0;
  const get = () => {
    const next = left.shift();
    if (next === undefined) interrupted.abort();
    return next instanceof Error ? Promise.reject(next) : Promise.resolve(next ?? operation());
  };
  const session = { options: { output: 'json' as const, project: 'default', url: 'x' }, api: { get: get as never } };
  const pause = () => Promise.resolve((nowMs += 10_000));
  return followUntil(session, 'op', { interrupted: interrupted.signal, pause, nowMs: () => nowMs });
}

describe('following an operation', () => {
  it('waits on while the read model is behind and while no answer comes', async () => {
    const away = new UnreachableError('no answer');
    expect(await follow([refusal(503), away, operation(), refusal(503), done])).toBe(done);
  });

  it('gives up where the API refuses, and after five minutes without an answer', async () => {
    await expect(follow([operation(), refusal(404, 'OPERATION_NOT_FOUND')])).rejects.toThrow('OPERATION_NOT_FOUND');
    await expect(follow(Array.from({ length: 40 }, () => refusal(503)))).rejects.toThrow('NOT_YET');
  });

  it('that is interrupted says that the operation goes on, how to follow and how to cancel it', async () => {
    const error: unknown = await follow([operation()]).catch((thrown: unknown) => thrown);
    const { text, status } = explain(error);
    expect(status).toBe(130);
    expect(text).toContain('goes on');
    expect(text).toContain('operations watch op');
    expect(text).toContain('operations cancel op');
  });

  it('that found no host shows each filter with its count, and the nearest hosts with their numbers', () => {
    const nearest = [
      { hostName: 'h1', filter: 'memory', detail: 'too little', numbers: { neededMiB: 900, freeMiB: 5 } },
    ];
    const data = { counts: { zone: 2, memory: 18 }, nearest };
    const error = { code: 'NO_HOST_FITS', step: 'place', detail: 'none of 20 hosts can take this VM', data };
    const text = outcomeSentence(operation({ state: 'FAILED', endedAt: done.endedAt, error }));
    expect(text).toMatch(/FILTER\s+HOSTS REFUSED\nmemory\s+18\nzone\s+2\n/);
    expect(text).toMatch(/h1\s+memory\s+too little\s+neededMiB=900 freeMiB=5/);
  });
});

describe('a refusal', () => {
  it('names each field once, as the person wrote it', () => {
    const errors = [
      { field: '/spec/memory/sizeMiB', detail: 'must be at least 16' },
      { field: '?kinds', detail: '?kinds: there is no stream kind vms' },
      { field: '/some/other', detail: 'bad\u202e' },
    ];
    expect(
      explain(refusal(400, 'INVALID_FIELD', { errors, detail: '/spec/memory/sizeMiB: must be at least 16' })).text,
    ).toBe(
      'INVALID_FIELD: --memory: must be at least 16\n  --kinds: there is no stream kind vms\n  /some/other: bad\\u{202e}\n  Do this.',
    );
  });

  it.each([
    ['/name', 'NAME'],
    ['{vm}', 'NAME'],
    ['/spec/cpu/cores', '--cpus'],
    ['/spec/nics/3/network', '--network'],
    ['/spec/labels/a~1b', '--label'],
    ['/spec/placement/zone', '--zone'],
    ['?at', '--at'],
  ])('calls %s %s', (field, word) => {
    expect(wordFor(field)).toBe(word);
  });

  it('of a name tells the name that was likely meant', async () => {
    const api = { get: (() => Promise.resolve({ items: [{ name: 'db-1' }, { name: 'web-1' }] })) as never };
    const fail = () => Promise.reject(refusal(404, 'VM_NOT_FOUND'));
    const error: unknown = await withNearName(api, 'web1', 'default', fail).catch((thrown: unknown) => thrown);
    expect(explain(error).text).toContain('did you mean web-1?');
    const far: unknown = await withNearName(api, 'zzz', 'default', fail).catch((thrown: unknown) => thrown);
    expect(explain(far).text).not.toContain('did you mean');
  });
});

describe('a table', () => {
  const columns = [
    { heading: 'NAME', value: (row: { name: string }) => row.name },
    { heading: 'N', value: (row: { n?: number }) => row.n, isNumber: true },
  ];

  it('is as wide as it has to be, with numbers to the right', () => {
    expect(
      renderTable<{ name: string; n?: number }>(columns, [
        { name: 'long name', n: 5 },
        { name: 'b', n: 100 },
        { name: 'c' },
      ]),
    ).toBe('NAME         N\nlong name    5\nb          100\nc            -');
  });

  it('is written part by part, its headings once', () => {
    const table = new TableWriter<{ name: string; n?: number }>(columns);
    expect(table.part([{ name: 'a', n: 1 }])).toEqual(['NAME  N', 'a     1']);
    expect(table.part([{ name: 'longer', n: 2 }])).toEqual(['longer  2']);
  });

  it('sends nothing to the terminal that drives it or turns a text round', () => {
    expect(printable('a\u001b[31m\u202eb\u2028\u{e0041}')).toBe('a\\x1b[31m\\u{202e}b\\u{2028}\\u{e0041}');
    expect(printable('👩\u200d💻')).toBe('👩\u200d💻');
  });
});
