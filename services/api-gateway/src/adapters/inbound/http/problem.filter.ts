import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { Logger } from '@drover/observability';
import type { FastifyReply } from 'fastify';
import type { DroverRequest } from './drover-request.js';
import { problemOf } from './problem.js';

/** Answers with problem details whatever was thrown; our own mistakes go to the log with their stack. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    this.answer(error, http.getRequest<DroverRequest>(), http.getResponse<FastifyReply>());
  }

  answer(error: unknown, request: Pick<DroverRequest, 'id' | 'method' | 'url'>, reply: FastifyReply): void {
    const problem = problemOf(error, request.id);
    const { status } = problem;
    if (problem.code === 'INTERNAL') {
      this.#logger.error('a request met a defect', { error, method: request.method, requestId: request.id });
    }
    if (reply.sent) return;
    if (status === 401) void reply.header('www-authenticate', 'Bearer');
    if (status === 503 || status === 429) void reply.header('retry-after', '1');
    void reply.code(status).type('application/problem+json').send(problem);
  }
}
