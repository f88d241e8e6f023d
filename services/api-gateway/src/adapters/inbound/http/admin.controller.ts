import { Controller, Get, Inject, Post } from '@nestjs/common';
import { emptyBodySchema, rebuildStatusSchema } from '@drover/contracts';
import { REBUILDS } from '../../../application/ports/platform.port.js';
import type { Rebuilds } from '../../../application/ports/rebuilds.port.js';
import { endpoint, Permission, Serves } from './endpoint.js';
import { Input, type InputOf } from './input.decorator.js';

const startRebuild = endpoint({
  summary: 'Drop the read model and build it anew from the event store; reads go on meanwhile',
  tag: 'Administration',
  body: emptyBodySchema,
  example: {},
  answers: { 202: { description: 'Begun, or under way already.', schema: rebuildStatusSchema } },
});
const getRebuild = endpoint({
  summary: 'How far the newest rebuild is',
  tag: 'Administration',
  answers: { 200: { description: 'Of this process of api-gateway.', schema: rebuildStatusSchema } },
});

@Controller('api/v1/admin')
export class AdminController {
  readonly #rebuilds: Rebuilds;

  constructor(@Inject(REBUILDS) rebuilds: Rebuilds) {
    this.#rebuilds = rebuilds;
  }

  @Post('rebuild')
  @Permission('admin:write')
  @Serves(startRebuild)
  start(@Input() _input: InputOf<typeof startRebuild>) {
    return this.#rebuilds.start();
  }

  @Get('rebuild')
  @Permission('admin:write')
  @Serves(getRebuild)
  status(@Input() _input: InputOf<typeof getRebuild>) {
    return this.#rebuilds.status;
  }
}
