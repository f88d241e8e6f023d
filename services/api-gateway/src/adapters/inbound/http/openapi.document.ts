import { errorCatalogue, type ErrorCode } from '@drover/contracts';
import type { OpenAPIObject } from '@nestjs/swagger';
import { z } from 'zod';
import type { EndpointDefinition } from './endpoint.js';
import { routes, type Route } from './routes.js';
import { sections } from '../../../sections.js';

const answerNames = namesOf(sections.map(({ answers }) => answers));
const bodyNames = namesOf(sections.map(({ bodies }) => bodies));

const everywhere: readonly ErrorCode[] = ['INVALID_FIELD', 'UNKNOWN_FIELD', 'STORE_UNAVAILABLE', 'INTERNAL'];
const authenticated: readonly ErrorCode[] = ['UNAUTHENTICATED', 'FORBIDDEN', 'NOT_YET'];
const withBody: readonly ErrorCode[] = ['MALFORMED_REQUEST', 'BODY_TOO_LARGE'];

/** The OpenAPI 3.1 document, made once from the schemas that requests are read with. */
export function openApiDocument(version: string): OpenAPIObject {
  const names = new Map<z.ZodType, string>();
  const schemas = { ...components(answerNames, 'output', names), ...components(bodyNames, 'input', names) };
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes()) {
    if (route.endpoint === undefined) continue;
    (paths[route.path] ??= {})[route.method.toLowerCase()] = operation(route, route.endpoint, names);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Drover',
      version,
      description:
        'Writes answer 202 with an operation to follow, or its end with `?wait=30s`. Errors are RFC 9457 problem details.',
    },
    components: { schemas, securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
    security: [{ bearer: [] }],
    paths,
  } as unknown as OpenAPIObject;
}

type Schemas = Readonly<Record<string, z.ZodType>>;

function namesOf(named: readonly (Schemas | undefined)[]): Schemas {
  return Object.assign({}, ...named) as Schemas;
}

function components(named: Schemas, io: 'input' | 'output', names: Map<z.ZodType, string>) {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(named)) {
    registry.add(schema, { id });
    names.set(schema, id);
  }
  return z.toJSONSchema(registry, { io, unrepresentable: 'any', uri: (id) => `#/components/schemas/${id}` }).schemas;
}

function operation(
  { handler, permission }: Route,
  endpoint: EndpointDefinition,
  names: ReadonlyMap<z.ZodType, string>,
) {
  const { body, example, answers } = endpoint;
  const content = (schema: z.ZodType, io: 'input' | 'output', mediaType = 'application/json', sample?: unknown) => ({
    [mediaType]: { schema: schemaOf(schema, io, names), ...(sample === undefined ? {} : { example: sample }) },
  });
  return {
    operationId: handler.replace('Controller.', '_'),
    summary: endpoint.summary,
    tags: [endpoint.tag],
    description: permission === 'public' ? 'Needs no token.' : `Permission: \`${permission}\`.`,
    ...(permission === 'public' ? { security: [] } : {}),
    parameters: [
      ...parameters(endpoint.params, 'path'),
      ...parameters(endpoint.query, 'query'),
      ...(permission === 'public' ? [] : headerParameters(body !== undefined)),
    ],
    ...(body === undefined ? {} : { requestBody: { content: content(body, 'input', 'application/json', example) } }),
    responses: {
      ...Object.fromEntries(
        Object.entries(answers).map(([status, { description, schema, mediaType }]) => [
          status,
          { description, ...(schema === undefined ? {} : { content: content(schema, 'output', mediaType) }) },
        ]),
      ),
      ...errorResponses(endpoint, permission === 'public'),
    },
  };
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output', names: ReadonlyMap<z.ZodType, string>): unknown {
  const name = names.get(schema);
  if (name !== undefined) return { $ref: `#/components/schemas/${name}` };
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return rest;
}

function parameters(schema: z.ZodType | undefined, place: 'path' | 'query') {
  if (!(schema instanceof z.ZodObject)) return [];
  return Object.entries(schema.shape as Record<string, z.ZodType>).map(([name, part]) => ({
    name,
    in: place,
    required: place === 'path',
    schema: schemaOf(part, 'input', new Map()),
  }));
}

function takesProject(schema: z.ZodType | undefined): boolean {
  return schema instanceof z.ZodObject && 'project' in schema.shape;
}

function headerParameters(isWrite: boolean) {
  const position = {
    name: 'Drover-Position',
    in: 'header',
    schema: { type: 'string' },
    description: 'Show no less than this.',
  };
  const key = {
    name: 'Idempotency-Key',
    in: 'header',
    schema: { type: 'string' },
    description: 'Repeats of this request are recognised by it.',
  };
  const trace = {
    name: 'traceparent',
    in: 'header',
    schema: { type: 'string' },
    description: 'The trace (W3C) that this request continues.',
  };
  return isWrite ? [position, key, trace] : [position, trace];
}

function errorResponses(endpoint: EndpointDefinition, isPublic: boolean): Record<string, unknown> {
  const codes = [
    ...everywhere,
    ...(isPublic ? [] : authenticated),
    ...(endpoint.body === undefined ? [] : withBody),
    ...([endpoint.query, endpoint.body].some(takesProject) ? (['PROJECT_NOT_FOUND'] as const) : []),
    ...(endpoint.errors ?? []),
  ];
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of new Set(codes)) {
    const { httpStatus } = errorCatalogue[code];
    byStatus.set(httpStatus, [...(byStatus.get(httpStatus) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, list]) => [
      status,
      {
        description: list.map((code) => `\`${code}\`: ${errorCatalogue[code].sentence}`).join('\n\n'),
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    ]),
  );
}
