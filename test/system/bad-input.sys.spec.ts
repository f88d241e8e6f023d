import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { badValuesFor, everyBody, fieldsOf, pointerOf, targetOf, withValue } from '@drover/api-gateway/testing';
import { problemSchema } from '@drover/contracts';
import { domainsOf, Fleet, type ApiAnswer, type FleetApi } from '@drover/testing';

describe('bad input, with every service behind the API', () => {
  let fleet: Fleet;
  let api: FleetApi;
  let segments: Readonly<Record<string, string>> = {};
  let before: { head: number; domains: unknown };

  const look = async () => ({ head: (await api.allEvents()).length, domains: domainsOf(fleet.home) });

  beforeAll(async () => {
    fleet = await Fleet.start({ hypervisor: 'simulated', hosts: 1 });
    api = fleet.api;
    const { id } = await api.succeed('POST', '/vms', { name: 'a' });
    await api.succeed('POST', '/images', { name: 'guest', source: { kind: 'host', host: 'sim-001' } });
    segments = { vm: 'a', host: 'sim-001', image: 'guest', operation: id, model: 'vm' };
    before = await look();
  }, 120_000);
  afterAll(() => fleet?.stop());

  /** A problem document of the right kind; gives the fields it blames. */
  function refused(answer: ApiAnswer, statuses: readonly number[] = [400]): readonly string[] {
    const problem = problemSchema.parse(answer.body);
    expect(statuses).toContain(answer.status);
    expect(problem.status).toBe(answer.status);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    return [problem.field ?? '', ...(problem.errors ?? []).map((error) => error.field)];
  }

  async function expectNothingHappened(): Promise<void> {
    expect(await look()).toEqual(before);
  }

  describe.each(everyBody())('in the body of $method $path', (body) => {
    it('is refused by name in every field, stores no event and touches nothing', async () => {
      const { method, schema, example } = body;
      const target = targetOf(body, segments);
      for (const field of fieldsOf(schema, example)) {
        const pointer = pointerOf(field.path);
        const bodies = badValuesFor(field).map((bad) => ({ ...bad, body: withValue(example, field.path, bad.value) }));
        expect(bodies.length).toBeGreaterThanOrEqual(4);
        const answers = await Promise.all(bodies.map((bad) => api.send(method, target, bad.body)));
        answers.forEach((answer, index) => {
          const blamed = refused(answer);
          if (!blamed.some((one) => one.startsWith(pointer) || (one !== '' && pointer.startsWith(one)))) {
            throw new Error(`${pointer} with ${bodies[index]?.why} blames ${blamed.join(', ')}`);
          }
        });
      }
      expect(refused(await api.send(method, target, { ...(example as object), 'no/such': 1 }))).toContain('/no~1such');
      await expectNothingHappened();
    });
  });

  it.each([
    ['no JSON', '{"name":', 400],
    ['a text', '"name"', 400],
    ['null', 'null', 400],
    ['a prototype', '{"name":"x","__proto__":{"powerOn":false}}', 400],
    ['deep lists', '['.repeat(100_000), 400],
    ['deep objects', `{"name":"x","spec":${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}}`, 400],
    ['ten megabytes', JSON.stringify({ name: 'x', spec: { metadata: { description: 'x'.repeat(10_000_000) } } }), 413],
    [
      'ten thousand labels',
      JSON.stringify({
        name: 'x',
        spec: { labels: Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`key${index}`, 'x'])) },
      }),
      400,
    ],
  ])('is refused where the body is %s', async (_what, body, status) => {
    // A server that has said no may close the connection while the rest is still being sent.
    const answer = await api.until('it is answered', () => api.send('POST', '/vms', body), 20_000);
    refused(answer, [status]);
    await expectNothingHappened();
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/xml', 'multipart/form-data; boundary=x'])(
    'is refused as %s',
    async (type) => {
      refused(await api.send('POST', '/vms', '{"name":"x"}', { 'content-type': type }), [400, 415]);
      await expectNothingHappened();
    },
  );

  it.each([
    ['GET', '/vms?limit=0', '?limit'],
    ['GET', '/vms?limit=1&limit=2', '?limit'],
    ['GET', '/vms?colour=red', '?colour'],
    ['GET', '/vms?labels=a%3Db%3Dc', '?labels'],
    ['GET', '/vms?after=%27%20OR%201%3D1', '?after'],
    ['GET', '/vms?project=%3Cb%3E', '?project'],
    ['GET', '/operations?project=%3Cb%3E', '?project'],
    ['GET', '/vms/a?at=yesterday', '?at'],
    ['GET', '/vms/a/history?after=-1', '?after'],
    ['GET', '/vms/..%2F..%2Fetc%2Fpasswd', '{vm}'],
    ['GET', '/vms/a%00b', '{vm}'],
    ['GET', '/hosts/%3Cscript%3E', '{host}'],
    ['GET', "/operations/'%3B%20rm%20-rf", '{operation}'],
    ['GET', '/operations?kind=vm.explode', '?kind'],
    ['GET', '/events?from=first', '?from'],
    ['POST', '/vms?wait=forever', '?wait'],
    ['DELETE', '/vms/a?force=1', '?force'],
  ] as const)('is refused in %s %s', async (method, target, field) => {
    const body = method === 'POST' ? { name: 'x' } : undefined;
    expect(refused(await api.send(method, target, body))).toContain(field);
    await expectNothingHappened();
  });

  it.each([
    ['idempotency-key', 'spaces', 'with spaces'],
    ['idempotency-key', 'too many characters', 'x'.repeat(201)],
    ['drover-position', 'no position', '-1'],
  ])('is refused in the header %s with %s', async (name, _what, value) => {
    expect(refused(await api.send('POST', '/vms', { name: 'x' }, { [name]: value }))).toContain(name);
    await expectNothingHappened();
  });

  it.each([
    ['no token', ''],
    ['another token', 'Bearer wrong'],
    ['a token that is longer', 'Bearer x'.repeat(1000)],
    ['another scheme', 'Basic YWRtaW46YWRtaW4='],
  ])('is refused with %s, whatever is asked', async (_what, authorization) => {
    for (const [method, target] of [
      ['GET', '/vms'],
      ['GET', '/events'],
      ['POST', '/vms'],
      ['DELETE', '/vms/a'],
      ['POST', '/admin/models/vm/rebuild'],
    ] as const) {
      const body = method === 'POST' ? { name: 'x' } : undefined;
      refused(await api.send(method, target, body, { authorization }), [401]);
    }
    await expectNothingHappened();
  });

  it('is refused on a path that leads nowhere', async () => {
    for (const target of ['/', '/vm', '/vms/a/explode', '/vms/a/b/c']) {
      refused(await api.send('GET', target), [404]);
    }
    refused(await api.send('PATCH', '/vms/a', {}), [404, 405]);
    await expectNothingHappened();
  });

  it('is no harm where text is free: it comes back as it was sent', async () => {
    const description = `<b>&amp;"'; rm -rf / #$(reboot) ../../etc/passwd ☃`;
    await api.succeed('POST', '/vms', { name: 'free', spec: { metadata: { description } } });
    expect((await api.vm('free')).spec.metadata.description).toBe(description);
    await api.succeed('DELETE', '/vms/free');
  });
});
