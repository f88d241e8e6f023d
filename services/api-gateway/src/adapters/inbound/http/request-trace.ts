import { finished } from 'node:stream';
import { currentTraceparent, inSpan, keepContext, type Logger } from '@drover/observability';
import type { FastifyInstance } from 'fastify';
import type { DroverRequest } from './drover-request.js';

/**
 * Runs each request, from its first hook to the end of its answer, in a span: of the trace that its `traceparent` names, else
 * of a new one. The answer names the span in its own `traceparent`, whatever becomes of the request, and the log has a line
 * of it: at `info` where something was to be changed, at `debug` where it was only read.
 */
export function traceRequests(server: FastifyInstance, logger: Logger): void {
  server.addHook('onRequest', (request: DroverRequest, reply, done) => {
    const { id: requestId, method } = request;
    const { traceparent } = request.headers;
    const route = request.routeOptions.url ?? 'none';
    const options = {
      kind: 'server' as const,
      fields: { requestId },
      ...(typeof traceparent === 'string' ? { traceparent } : {}),
    };
    const ended = Promise.withResolvers<void>();
    void inSpan(`${method} ${route}`, options, () => {
      const inside = keepContext();
      finished(reply.raw, () => {
        const { statusCode: status, elapsedTime } = reply;
        const { caller, operationId } = request;
        const fields = {
          method,
          route,
          status,
          ms: Math.round(elapsedTime),
          principal: caller?.principal,
          operationId,
        };
        const message = reply.raw.writableEnded ? 'answered a request' : 'a client did not wait for its answer';
        inside(() => logger[method === 'GET' ? 'debug' : 'info'](message, fields));
        ended.resolve();
      });
      void reply.headers(traceHeaders());
      done();
      return ended.promise;
    });
  });
}

/** What an answer says of the span it is given in. */
export function traceHeaders(): Readonly<Record<string, string>> {
  const traceparent = currentTraceparent();
  return traceparent === undefined ? {} : { traceparent };
}
