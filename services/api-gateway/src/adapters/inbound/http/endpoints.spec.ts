import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { vmActionKinds, vmVerbNames, vmVerbs } from '@drover/contracts';
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

describe('each verb of a VM', () => {
  it.each(vmVerbNames)('%s has its route, as the table of verbs says', (verb) => {
    const asked = verb === 'delete' ? ['DELETE', '/api/v1/vms/{vm}'] : ['POST', `/api/v1/vms/{vm}/${verb}`];
    const route = routes().find(({ method, path }) => method === asked[0] && path === asked[1]);
    expect(route?.permission).toBe('vms:write');
    expect(route?.endpoint?.summary).toBe(vmVerbs[verb].summary);
  });

  it.each(vmActionKinds)('%s stands in the reference of the API', (kind) => {
    const page = readFileSync(new URL('../../../../../../docs/reference/api.md', import.meta.url), 'utf8');
    const named = [...page.matchAll(/`(?:POST \/vms\/\{vm\}\/)?(\w+)`/g)].map(([, name]) => name);
    expect(named).toContain(kind);
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
