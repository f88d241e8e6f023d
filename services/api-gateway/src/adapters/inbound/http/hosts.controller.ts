import { Controller, Get, Inject, Post, Res } from '@nestjs/common';
import {
  emptyBodySchema,
  hostListQuerySchema,
  hostPageSchema,
  hostRefSchema,
  hostResourceSchema,
  hostWriteAnswerSchema,
} from '@drover/contracts';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { FindResource } from '../../../application/find-resource.handler.js';
import { FLEET_READS, type FleetReads } from '../../../application/ports/fleet-reads.port.js';
import { WriteHost } from '../../../application/write-host.handler.js';
import { endpoint, Permission, Serves } from './endpoint.js';
import { Input, type InputOf } from './input.decorator.js';
import { answerWrite } from './write-answer.js';

const tag = 'Hosts';
const params = z.strictObject({ host: hostRefSchema });

const listHosts = endpoint({
  summary: 'Hosts, by name',
  tag,
  query: hostListQuerySchema,
  answers: { 200: { description: 'A page.', schema: hostPageSchema } },
});
const getHost = endpoint({
  summary: 'One host: inventory, liveness, what it was given',
  tag,
  params,
  answers: { 200: { description: 'The host.', schema: hostResourceSchema } },
  errors: ['HOST_NOT_FOUND'],
});
const action = (summary: string) =>
  endpoint({
    summary,
    tag,
    params,
    body: emptyBodySchema,
    example: {},
    answers: { 200: { description: 'Done.', schema: hostWriteAnswerSchema } },
    errors: ['HOST_NOT_FOUND', 'HOST_WRONG_STATE', 'SERVICE_UNAVAILABLE', 'MESSAGING_UNAVAILABLE', 'TIMED_OUT'],
  });
const cordonHost = action('Place nothing new on a host');
const uncordonHost = action('Let a host take placements again');

@Controller('api/v1/hosts')
export class HostsController {
  readonly #reads: FleetReads;
  readonly #find: FindResource;
  readonly #write: WriteHost;

  constructor(
    @Inject(FLEET_READS) reads: FleetReads,
    @Inject(FindResource) find: FindResource,
    @Inject(WriteHost) write: WriteHost,
  ) {
    this.#reads = reads;
    this.#find = find;
    this.#write = write;
  }

  @Get()
  @Permission('hosts:read')
  @Serves(listHosts)
  list(@Input() { query }: InputOf<typeof listHosts>) {
    return this.#reads.listHosts(query);
  }

  @Get(':host')
  @Permission('hosts:read')
  @Serves(getHost)
  get(@Input() { params }: InputOf<typeof getHost>) {
    return this.#find.host(params.host);
  }

  @Post(':host/cordon')
  @Permission('hosts:write')
  @Serves(cordonHost)
  async cordon(@Input() input: InputOf<typeof cordonHost>, @Res({ passthrough: true }) reply: FastifyReply) {
    return answerWrite(reply, await this.#write.act(input.caller, 'cordon', input.params.host));
  }

  @Post(':host/uncordon')
  @Permission('hosts:write')
  @Serves(uncordonHost)
  async uncordon(@Input() input: InputOf<typeof uncordonHost>, @Res({ passthrough: true }) reply: FastifyReply) {
    return answerWrite(reply, await this.#write.act(input.caller, 'uncordon', input.params.host));
  }
}
