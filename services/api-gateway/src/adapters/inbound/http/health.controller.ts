import { Controller, Get, Inject, Res } from '@nestjs/common';
import type { Health, HealthReport } from '@drover/service-kit';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
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
      200: { description: 'Well.', schema: reportSchema },
      503: { description: 'Not well, and why.', schema: reportSchema },
    },
  });
const live = probe('Whether the process should go on');
const ready = probe('Whether requests can be answered');

@Controller()
export class HealthController {
  readonly #health: Health;

  constructor(@Inject(HEALTH) health: Health) {
    this.#health = health;
  }

  @Get('healthz')
  @Public()
  @Serves(live)
  live(@Res({ passthrough: true }) reply: FastifyReply): HealthReport {
    return this.#answer(reply, this.#health.live());
  }

  @Get('readyz')
  @Public()
  @Serves(ready)
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<HealthReport> {
    return this.#answer(reply, await this.#health.ready());
  }

  #answer(reply: FastifyReply, report: HealthReport): HealthReport {
    void reply.code(report.isOk ? 200 : 503);
    return report;
  }
}
