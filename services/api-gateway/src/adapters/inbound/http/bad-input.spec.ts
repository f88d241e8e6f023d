import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { DEFAULT_PROJECT, imageIdSchema } from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';
import { z } from 'zod';
import { everyBody, targetOf } from '../../../testing/every-body.js';
import { badValuesFor, fieldsOf, pointerOf, withValue } from '../../../testing/every-field.js';
import { hostIdOf, operationIdOf } from '../../../testing/fleet-story.js';
import { createMemoryGateway, type MemoryGateway } from '../../../testing/memory-gateway.js';
import { routes } from './routes.js';

const segments = { vm: 'a', host: 'h1', image: 'guest', operation: operationIdOf('a'), model: 'vm' };
const bodies = everyBody().map((body) => ({ ...body, url: `/api/v1${targetOf(body, segments)}` }));

describe('bad input', () => {
  let gateway: MemoryGateway;

  beforeAll(async () => {
    gateway = await createMemoryGateway();
    await gateway.story.requested('a');
    await gateway.story.host('h1');
    const imageId = imageIdSchema.parse(derivedId('spec', 'image'));
    const source = { kind: 'host', hostId: hostIdOf('h1') } as const;
    const data = { imageId, projectId: DEFAULT_PROJECT, name: 'guest', source };
    await gateway.story.onImage(imageId, { type: 'ImageRequested', data });
  });
  afterAll(() => gateway.stop());
  beforeEach(() => void gateway.commands.sent.splice(0));

  const ask = (method: string, url: string, payload: unknown) =>
    gateway.ask({
      method: method,
      url,
      payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
      headers: { 'content-type': 'application/json' },
    });
  const post = (url: string, payload: unknown) => ask('POST', url, payload);

  async function expectRefused(answer: Awaited<ReturnType<typeof post>>, status = 400) {
    expect(answer.statusCode).toBe(status);
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(answer.json()).toMatchObject({ status, code: expect.any(String), requestId: expect.any(String) });
    expect(gateway.commands.sent).toEqual([]);
    return answer.json<{ code: string; field?: string; errors?: { field: string }[] }>();
  }

  it('is looked for in the body of every route that changes something', () => {
    expect(bodies.map(({ method, path }) => `${method} ${path}`)).toEqual(
      expect.arrayContaining([
        'POST /vms',
        'DELETE /vms/{vm}',
        'POST /vms/{vm}/stop',
        'POST /hosts/{host}/cordon',
        'POST /operations/{operation}/cancel',
        'POST /admin/models/{model}/rebuild',
      ]),
    );
  });

  describe.each(bodies)('in the body of $method $path', ({ method, url, schema, example }) => {
    const fields = fieldsOf(schema, example);

    it('is looked for in every field: the example has them all, and is taken', async () => {
      expect(fields.filter((field) => field.example === undefined).map((field) => pointerOf(field.path))).toEqual([]);
      const answer = await ask(method, url, example);
      // What the fake that decides refuses has passed through.
      expect(gateway.commands.sent.length === 1 || answer.statusCode === 202).toBe(true);
    });

    // A table without rows is none to Jest.
    if (fields.length > 0) {
      it.each(fields.map((field) => [pointerOf(field.path), field] as const))(
        'is refused by name in %s',
        async (pointer, field) => {
          for (const { why, value } of badValuesFor(field)) {
            const answer = await ask(method, url, withValue(example, field.path, value));
            const problem = await expectRefused(answer);
            const named = problem.errors?.map((error) => error.field) ?? [];
            if (!named.some((one) => one.startsWith(pointer) || (one !== '' && pointer.startsWith(one)))) {
              throw new Error(
                `${pointer} with ${why} (${JSON.stringify(value)?.slice(0, 80)}) blames ${named.join(', ')}`,
              );
            }
          }
        },
      );
    }

    it('is refused as an unknown field at the top, and as no object', async () => {
      const problem = await expectRefused(await ask(method, url, { ...(example as object), extra: 1, 'a/b': 2 }));
      expect(problem).toMatchObject({ code: 'UNKNOWN_FIELD', errors: [{ field: '/extra' }, { field: '/a~1b' }] });
      for (const value of [[1], 'null', '7', '"text"']) await expectRefused(await ask(method, url, value));
    });
  });

  it('names every field that is wrong, at most a hundred', async () => {
    const bad = Object.fromEntries(Array.from({ length: 64 }, (_, index) => [`bad key ${index}`, 'x']));
    const spec = { labels: bad, metadata: { annotations: bad } };
    const problem = await expectRefused(await post('/api/v1/vms', { name: 'A', spec }));
    expect(problem.errors).toHaveLength(100);
  });

  it('is refused by its count where a map or a list has too many entries, and no entry is looked at', async () => {
    const labels = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`bad key ${index}`, 'x']));
    const disks = Array.from({ length: 10_000 }, () => 0);
    const problem = await expectRefused(await post('/api/v1/vms', { name: 'a', spec: { labels, disks } }));
    expect(problem.errors?.map(({ field }) => field).sort()).toEqual(['/spec/disks', '/spec/labels']);
  });

  it('is no empty body that says it is JSON: it is as none', async () => {
    gateway.commands.respond = () => ({ kind: 'rejected', rejection: { code: 'VM_BUSY', detail: 'held' } });
    for (const url of ['/api/v1/vms/a/start', '/api/v1/vms/a/stop']) {
      expect((await ask('POST', url, '')).json()).toMatchObject({ code: 'VM_BUSY' });
    }
    expect((await ask('DELETE', '/api/v1/vms/a', '')).json()).toMatchObject({ code: 'VM_BUSY' });
  });

  it.each([
    ['no JSON', '{"name":'],
    ['a text', '"name"'],
    ['null', 'null'],
    ['nothing', ''],
    ['two values', '{} {}'],
    ['a prototype', '{"name":"a","__proto__":{"spec":{}}}'],
    ['deep nesting', '['.repeat(100_000)],
    ['deep objects', `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`],
  ])('is refused where the body is %s', async (_what, body) => {
    await expectRefused(await post('/api/v1/vms', body));
  });

  it('is refused where the body is larger than a mebibyte', async () => {
    const answer = await post('/api/v1/vms', JSON.stringify({ name: 'x'.repeat(10_000_000) }));
    expect(await expectRefused(answer, 413)).toMatchObject({ code: 'BODY_TOO_LARGE' });
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/xml', 'multipart/form-data; boundary=x'])(
    'is refused as %s',
    async (type) => {
      const answer = await gateway.ask({
        method: 'POST',
        url: '/api/v1/vms',
        payload: 'name=a',
        headers: { 'content-type': type },
      });
      expect(await expectRefused(answer)).toMatchObject({ code: 'MALFORMED_REQUEST' });
    },
  );

  it.each([
    ['/api/v1/vms?limit=0', '?limit'],
    ['/api/v1/vms?limit=1001', '?limit'],
    ['/api/v1/vms?limit=1e2', '?limit'],
    ['/api/v1/vms?limit=1&limit=2', '?limit'],
    ['/api/v1/vms?colour=red', '?colour'],
    ['/api/v1/vms?observed=running', '?observed'],
    ['/api/v1/vms?labels=a', '?labels'],
    ['/api/v1/vms?labels=a%3Db%3Dc', '?labels'],
    ['/api/v1/vms?after=%27%20OR%201%3D1', '?after'],
    ['/api/v1/vms?host=h1', '?host'],
    ['/api/v1/vms?project=%3Cb%3E', '?project'],
    ['/api/v1/vms/a?at=yesterday', '?at'],
    ['/api/v1/vms/a?at=0000-01-01T00:00:00Z', '?at'],
    ['/api/v1/vms/a/history?after=-1', '?after'],
    ['/api/v1/vms/A_B', '{vm}'],
    ['/api/v1/vms/..%2F..%2Fetc', '{vm}'],
    ['/api/v1/hosts/%3Cb%3E', '{host}'],
    ['/api/v1/operations/a', '{operation}'],
    ['/api/v1/operations?open=yes', '?open'],
    ['/api/v1/operations?kind=vm.explode', '?kind'],
    ['/api/v1/events?from=first', '?from'],
    ['/api/v1/events?types=vmStarted', '?types'],
    ['/api/v1/events?types=VmStarted,VmStoped', '?types'],
    ['/api/v1/events?kinds=vms', '?kinds'],
    ['/api/v1/events?from=1.5', '?from'],
    ['/api/v1/events?from=9007199254740991', '?from'],
    ['/api/v1/cluster/stats?x=1', '?x'],
  ])('is refused in %s', async (url, field) => {
    const answer = await gateway.ask({ method: 'GET', url });
    expect(await expectRefused(answer)).toMatchObject({ field });
  });

  it('is refused where it names a project that does not exist, in every route that takes one', async () => {
    const taking = routes().filter(({ endpoint }) =>
      [endpoint?.query, endpoint?.body].some((schema) => schema instanceof z.ZodObject && 'project' in schema.shape),
    );
    expect(taking.map(({ handler }) => handler)).toEqual(
      expect.arrayContaining(['VmsController.list', 'VmsController.create', 'OperationsController.list']),
    );
    for (const { method, path, endpoint } of taking) {
      const url = path.replace(/\{\w+\}/g, 'a');
      const inBody = endpoint?.body instanceof z.ZodObject && 'project' in endpoint.body.shape;
      const answer = await gateway.ask({
        method: method,
        url: inBody ? url : `${url}?project=no-such-project`,
        ...(inBody ? { payload: { ...(endpoint?.example as object), project: 'no-such-project' } } : {}),
      });
      const field = inBody ? '/project' : '?project';
      expect(await expectRefused(answer, 404)).toMatchObject({ code: 'PROJECT_NOT_FOUND', field, errors: [{ field }] });
    }
  });

  it.each([
    ['POST', '/api/v1/vms?wait=forever', '?wait'],
    ['POST', '/api/v1/vms?wait=301s', '?wait'],
    ['DELETE', '/api/v1/vms/a?force=1', '?force'],
  ] as const)('is refused in %s %s', async (method, url, field) => {
    const answer = await gateway.ask({ method, url, ...(method === 'POST' ? { payload: { name: 'b' } } : {}) });
    expect(await expectRefused(answer)).toMatchObject({ field });
  });

  it.each([
    ['drover-position', 'latest'],
    ['idempotency-key', 'with spaces'],
    ['idempotency-key', 'x'.repeat(201)],
  ])('is refused in the header %s: %s', async (name, value) => {
    const answer = await gateway.ask({
      method: 'POST',
      url: '/api/v1/vms',
      payload: { name: 'b' },
      headers: { [name]: value },
    });
    expect(await expectRefused(answer)).toMatchObject({ field: name });
  });

  it('is refused where a stream is to go on behind a position that the store does not have', async () => {
    for (const position of ['9007199254740991', '9999999999999999999', '1.5']) {
      const answer = await gateway.ask({
        method: 'GET',
        url: '/api/v1/events',
        headers: { 'last-event-id': position, accept: 'text/event-stream' },
      });
      const { errors } = answer.json<{ errors: { field: string; detail: string }[] }>();
      expect(answer.statusCode).toBe(400);
      expect(errors).toMatchObject([{ field: 'last-event-id', detail: expect.stringContaining('begin again from 0') }]);
    }
  });

  it('is told of in plain words', async () => {
    const spec = { cpu: { cores: 0 }, memory: { sizeMiB: 'much' }, disks: [{ name: 'a', bus: 'usb' }], nics: [{}] };
    const { errors } = await expectRefused(await post('/api/v1/vms', { name: 'a', spec }));
    expect(
      Object.fromEntries((errors ?? []).map((one) => [one.field, (one as unknown as { detail: string }).detail])),
    ).toEqual({
      '/spec/cpu/cores': 'must be at least 1',
      '/spec/memory/sizeMiB': 'must be a number',
      '/spec/disks/0/bus': 'must be one of virtio, scsi, sata, ide',
      '/spec/nics/0/network': 'is needed',
    });
    const answer = await gateway.ask({ method: 'GET', url: '/api/v1/vms/A_B' });
    expect(answer.json()).toMatchObject({ detail: expect.stringContaining('{vm}: must be a DNS label') });
  });

  it('is told what was likely meant', async () => {
    const answer = await gateway.ask({ method: 'GET', url: '/api/v1/events?types=VmStoped' });
    expect(answer.json()).toMatchObject({ detail: '?types: there is no event type VmStoped; did you mean VmStopped?' });
  });

  it('is refused as a path that leads nowhere or cannot be read', async () => {
    for (const url of ['/', '/api/v1', '/api/v2/vms', '/api/v1/vms/a/explode', '/api/v1/vms/a/b/c']) {
      const answer = await gateway.ask({ method: 'GET', url });
      expect(await expectRefused(answer, 404)).toMatchObject({ code: 'NOT_FOUND' });
    }
    await expectRefused(await gateway.ask({ method: 'GET', url: '/api/v1/vms/%zz' }));
    await expectRefused(await gateway.ask({ method: 'GET', url: `/api/v1/vms/${'a'.repeat(200)}` }));
    await expectRefused(await gateway.ask({ method: 'PATCH', url: '/api/v1/vms/a' }), 404);
  });
});
