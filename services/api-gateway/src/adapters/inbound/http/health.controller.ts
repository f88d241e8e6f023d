import { Controller, Get, Inject, Req, Res } from '@nestjs/common';
import { Readiness, type Health, type HealthReport } from '@drover/service-kit';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { withoutDetails } from '../../../application/readiness.js';
import type { DroverRequest } from './drover-request.js';
import { HEALTH } from '../../../application/ports/platform.port.js';
import { endpoint, Public, Serves } from './endpoint.js';

const reportSchema = z.strictObject({
  isOk: z.boolean(),
  service: z.string(),
  checks: z.record(z.string(), z.strictObject({ isOk: z.boolean(), detail: z.string().optional() })),
});
const probe = (summary: string) =>
  endpoint({
    summary,
    tag: 'Health',
    answers: {
      200: { description: 'Healthy; with any token also the details.', schema: reportSchema },
      503: { description: 'Not healthy, and in which part.', schema: reportSchema },
    },
  });
const live = probe('Whether the process should go on');
const ready = probe('Whether requests can be answered');

@Controller()
export class HealthController {
  readonly #health: Health;
  readonly #readiness: Readiness;

  constructor(@Inject(HEALTH) health: Health, @Inject(Readiness) readiness: Readiness) {
    this.#health = health;
    this.#readiness = readiness;
  }

  @Get('healthz')
  @Public()
  @Serves(live)
  live(@Req() request: DroverRequest, @Res({ passthrough: true }) reply: FastifyReply): HealthReport {
    return this.#answer(request, reply, this.#health.live());
  }

  @Get('readyz')
  @Public()
  @Serves(ready)
  async ready(@Req() request: DroverRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<HealthReport> {
    return this.#answer(request, reply, await this.#readiness.report());
  }

  #answer(request: DroverRequest, reply: FastifyReply, report: HealthReport): HealthReport {
    void reply.code(report.isOk ? 200 : 503);
    return request.principal === undefined ? withoutDetails(report) : report;
  }
}
