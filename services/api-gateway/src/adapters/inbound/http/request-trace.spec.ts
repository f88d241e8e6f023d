import { PassThrough } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createLogger, currentTraceId } from '@drover/observability';
import { createMemoryGateway, type MemoryGateway } from '../../../testing/index.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SENT = `00-${TRACE}-00f067aa0ba902b7-01`;
const OPERATION = '0199c4e2-0000-7000-8000-000000000001';
const VM = '0199c4e2-0000-7000-8000-000000000002';
const create = { method: 'POST', url: '/api/v1/vms', payload: { name: 'web-1' } } as const;

const lines: Record<string, unknown>[] = [];
const destination = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) };
/** The traces that commands were sent in. */
const traces: (string | undefined)[] = [];
let gateway: MemoryGateway;

beforeAll(async () => {
  gateway = await createMemoryGateway(createLogger('api-gateway', { destination }));
  gateway.commands.respond = async () => {
    await Promise.resolve();
    traces.push(currentTraceId());
    const value = { subjectId: VM, operationId: OPERATION, revision: 1, position: '2' };
    return { kind: 'answered', value };
  };
});
afterEach(() => {
  lines.length = 0;
  traces.length = 0;
});
afterAll(() => gateway?.stop());

const traceOf = (header: unknown) => /^00-([0-9a-f]{32})-[0-9a-f]{16}-0[01]$/.exec(String(header))?.[1];

describe('the trace of a request', () => {
  it('is the one that its traceparent names', async () => {
    const { statusCode, headers } = await gateway.ask({ ...create, headers: { traceparent: SENT } });
    expect(statusCode).toBe(202);
    expect(traces).toEqual([TRACE]);
    expect(traceOf(headers['traceparent'])).toBe(TRACE);
    expect(headers['traceparent']).not.toBe(SENT);
  });

  it('is the same behind a body that comes later, from a connection that knows of no span', async () => {
    const payload = new PassThrough();
    const headers = { traceparent: SENT, 'content-type': 'application/json' };
    const answer = gateway.ask({ ...create, payload, headers }).then(({ statusCode }) => statusCode);
    await turn();
    payload.write('{"name":');
    await turn();
    payload.end('"web-1"}');
    expect(await answer).toBe(202);
    expect(traces).toEqual([TRACE]);
  });

  it.each([
    ['none', undefined],
    ['nonsense', 'nonsense'],
    ['an empty one', ''],
    ['an id of zeros', `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`],
    ['a span of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['the version ff', `ff-${TRACE}-00f067aa0ba902b7-01`],
    ['capitals', SENT.toUpperCase()],
    ['more than version 00 has', `${SENT}-more`],
    ['one that is far too long', `00-${'a'.repeat(8000)}`],
    ['two at once', `${SENT}, ${SENT}`],
  ])('is a new one where it brings %s', async (_name, traceparent) => {
    const { statusCode, headers } = await gateway.ask({
      ...create,
      headers: traceparent === undefined ? {} : { traceparent },
    });
    expect(statusCode).toBe(202);
    const trace = traceOf(headers['traceparent']);
    expect(trace).toBeDefined();
    expect(trace).not.toBe(TRACE);
    expect(traces).toEqual([trace]);
  });

  it('is not shared by requests that come at once', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => gateway.ask(create)));
    expect(new Set(answers.map(({ headers }) => traceOf(headers['traceparent']))).size).toBe(20);
    expect(new Set(traces).size).toBe(20);
  });

  it.each([
    [401, { url: '/api/v1/vms', headers: { authorization: 'Bearer stranger' } }],
    [404, { url: '/no/such/route' }],
    [404, { url: '/api/v1/vms/no-such-vm' }],
    [400, { ...create, payload: { name: '' } }],
    [400, { ...create, payload: '{"name":', headers: { 'content-type': 'application/json' } }],
  ] as const)('is told with a refusal by %i', async (status, request) => {
    const headers = { ...('headers' in request ? request.headers : {}), traceparent: SENT };
    const answer = await gateway.ask({ ...request, headers });
    expect(answer.statusCode).toBe(status);
    expect(traceOf(answer.headers['traceparent'])).toBe(TRACE);
  });

  it('stands on the line of a write in the log, with its operation', async () => {
    await gateway.ask({ ...create, headers: { traceparent: SENT, 'x-request-id': 'r-1' } });
    expect(lines).toMatchObject([
      {
        level: 'info',
        message: 'answered a request',
        method: 'POST',
        route: '/api/v1/vms',
        status: 202,
        principal: 'admin',
        operationId: OPERATION,
        requestId: 'r-1',
        traceId: TRACE,
      },
    ]);
  });

  it('stands on the line of a mistake of ours', async () => {
    const { respond } = gateway.commands;
    gateway.commands.respond = () => Promise.reject(new TypeError('a mistake'));
    const { statusCode } = await gateway.ask({ ...create, headers: { traceparent: SENT } });
    gateway.commands.respond = respond;
    expect(statusCode).toBe(500);
    expect(lines).toMatchObject([
      { level: 'error', message: 'a request met a defect', traceId: TRACE },
      { level: 'info', status: 500, traceId: TRACE },
    ]);
  });

  it('makes no line where something is only read', async () => {
    expect((await gateway.ask({ url: '/api/v1/vms' })).statusCode).toBe(200);
    expect(lines).toEqual([]);
  });
});
