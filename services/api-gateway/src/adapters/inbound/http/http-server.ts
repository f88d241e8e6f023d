import type { IncomingMessage } from 'node:http';
import { NestFactory } from '@nestjs/core';
import type { DynamicModule } from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { SwaggerModule } from '@nestjs/swagger';
import { newId, type Clock } from '@drover/domain-kit';
import type { Logger } from '@drover/observability';
import { nestLogger } from '@drover/service-kit';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { authenticateRequests } from './authenticate-requests.js';
import { openApiDocument } from './openapi.document.js';
import type { ProblemFilter } from './problem.filter.js';
import { traceRequests } from './request-trace.js';
import { documentationPolicy, securityHeaders } from './security-headers.js';
import type { Tokens } from './tokens.js';

const BODY_LIMIT = 1024 * 1024;
/** More than all waits and streams that may be open; what comes beyond is closed at once. */
const MAX_CONNECTIONS = 8_192;

export interface HttpServerOptions {
  readonly module: DynamicModule;
  readonly filter: ProblemFilter;
  readonly tokens: Tokens;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly version: string;
}

/** No body is no body, also where the request says that it is JSON: clients of actions without parameters send that. */
function readJsonBodies(server: FastifyInstance): void {
  const parse = server.getDefaultJsonParser('error', 'error');
  server.removeContentTypeParser('application/json');
  server.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body: string, done) => {
    if (body === '') done(null, undefined);
    else void parse(request, body, done);
  });
}

/** Nest on Fastify, ready to listen: JSON only, one way to say what is wrong, and the documentation. */
export async function createHttpServer(options: HttpServerOptions): Promise<NestFastifyApplication> {
  const { module, filter, tokens, logger, clock, version } = options;
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_LIMIT,
    exposeHeadRoutes: false,
    // Who is being answered is answered to the end; see `gateway.stop`.
    forceCloseConnections: 'idle',
    requestTimeout: 30_000,
    keepAliveTimeout: 75_000,
    http: { headersTimeout: 10_000 },
    routerOptions: { maxParamLength: 300 },
    genReqId: (request: IncomingMessage) => {
      const given = request.headers['x-request-id'];
      return typeof given === 'string' && /^[\w.:-]{1,100}$/.test(given) ? given : newId(clock.epochMs());
    },
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) =>
      filter.answer(error, request, reply),
  });
  const server = adapter.getInstance();
  server.removeContentTypeParser('text/plain');
  readJsonBodies(server);
  traceRequests(server, logger);
  server.addHook('onRequest', (request, reply, done) => {
    void reply.headers(securityHeaders).header('x-request-id', request.id);
    if (request.url.startsWith('/api/docs')) void reply.header('content-security-policy', documentationPolicy);
    done();
  });
  authenticateRequests(server, { tokens, logger, clock });
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    bodyParser: false,
    abortOnError: false,
    logger: nestLogger(logger),
  });
  app.useGlobalFilters(filter);
  SwaggerModule.setup('api/docs', app, openApiDocument(version), {
    jsonDocumentUrl: 'api/openapi.json',
    yamlDocumentUrl: 'api/openapi.yaml',
    customSiteTitle: 'Drover API',
  });
  await app.init();
  app.getHttpServer().maxConnections = MAX_CONNECTIONS;
  return app;
}
