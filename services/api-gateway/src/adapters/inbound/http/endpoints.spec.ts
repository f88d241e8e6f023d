import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { hostVerbNames, hostVerbs, streamKinds, vmActionKinds, vmVerbNames, vmVerbs } from '@drover/contracts';
import { resources } from '../../../sections.js';
import { openApiDocument } from './openapi.document.js';
import { routes } from './routes.js';

describe('every route', () => {
  it.each(routes().map((route) => [`${route.method} ${route.path}`, route] as const))(
    '%s declares its permission',
    (_name, route) => {
      expect(route.endpoint).toBeDefined();
      const isProbe = route.path === '/healthz' || route.path === '/readyz';
      expect(route.permission).toBeDefined();
      expect(route.permission === 'public').toBe(isProbe);
    },
  );

  it('that changes something needs a permission to write', () => {
    const writing = routes().filter((route) => route.method !== 'GET');
    expect(writing.length).toBeGreaterThan(10);
    for (const { permission } of writing) expect(permission).toMatch(/:write$/);
  });
});

describe('each kind of thing', () => {
  it.each(streamKinds.flatMap(({ name, collection }) => (collection === undefined ? [] : [[name, collection]])))(
    '%s has a resource, and routes below /%s that its own permissions open',
    (name, collection) => {
      expect(resources.map(({ key }) => key.name)).toContain(name);
      const own = routes().filter(({ path }) => `${path}/`.startsWith(`/api/v1/${collection}/`));
      expect(own.map(({ method }) => method)).toEqual(expect.arrayContaining(['GET', 'POST']));
      for (const { method, permission } of own) {
        expect(permission).toBe(`${collection}:${method === 'GET' ? 'read' : 'write'}`);
      }
    },
  );

  it.each(streamKinds.flatMap(({ name, operations }) => (operations.length === 0 ? [] : [name])))(
    '%s, on which operations work, is called by a name in them',
    (name) => {
      expect(resources.find(({ key }) => key.name === name)?.columns).toHaveProperty('name');
    },
  );
});

const verbs = [
  ...vmVerbNames.map((verb) => ['vm', verb, vmVerbs[verb].summary] as const),
  ...hostVerbNames.map((verb) => ['host', verb, hostVerbs[verb].summary] as const),
];

describe('each verb', () => {
  it.each(verbs)('of a %s, %s, has its route, as the table of verbs says', (kind, verb, summary) => {
    const thing = `/api/v1/${kind}s/{${kind}}`;
    const asked = verb === 'delete' ? ['DELETE', thing] : ['POST', `${thing}/${verb}`];
    const route = routes().find(({ method, path }) => method === asked[0] && path === asked[1]);
    expect(route?.permission).toBe(`${kind}s:write`);
    expect(route?.endpoint?.summary).toBe(summary);
  });

  it.each([...vmActionKinds, ...hostVerbNames])('%s stands in the reference of the API', (verb) => {
    const page = readFileSync(new URL('../../../../../../docs/reference/api.md', import.meta.url), 'utf8');
    const named = [...page.matchAll(/`(?:POST \/(?:vms\/\{vm\}|hosts\/\{host\})\/)?(\w+)`/g)].map(([, name]) => name);
    expect(named).toContain(verb);
  });
});

describe('the OpenAPI document', () => {
  const document = JSON.parse(JSON.stringify(openApiDocument('1.2.3'))) as {
    paths: Record<
      string,
      Record<
        string,
        { requestBody?: { content: Record<string, { example?: unknown }> }; responses: object; operationId: string }
      >
    >;
    components: { schemas: Record<string, unknown> };
  };

  it('has every route, each with its own id', () => {
    const listed = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(listed.sort()).toEqual(
      routes()
        .map((route) => `${route.method} ${route.path}`)
        .sort(),
    );
    const ids = Object.values(document.paths).flatMap((methods) =>
      Object.values(methods).map((one) => one.operationId),
    );
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('refers only to schemas that it has', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map((match) => match[1] ?? '');
    expect(references.length).toBeGreaterThan(20);
    for (const reference of references) {
      const name = /^#\/components\/schemas\/(\w+)$/.exec(reference)?.[1];
      expect(name === undefined ? reference : document.components.schemas[name]).toEqual(expect.any(Object));
    }
  });

  it('shows an example with every body', () => {
    for (const methods of Object.values(document.paths)) {
      for (const { requestBody } of Object.values(methods)) {
        if (requestBody !== undefined) expect(requestBody.content['application/json']?.example).toBeDefined();
      }
    }
  });
});
