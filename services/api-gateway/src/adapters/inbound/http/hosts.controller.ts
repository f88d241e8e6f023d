import { Controller, Get, Inject, Post, Res } from '@nestjs/common';
import {
  DEFAULT_PROJECT,
  emptyBodySchema,
  hostListQuerySchema,
  hostPageSchema,
  hostRefSchema,
  hostResourceSchema,
  hostWriteAnswerSchema,
  projectQuery,
  vmRefSchema,
} from '@drover/contracts';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { FindResource } from '../../../application/find-resource.handler.js';
import { FLEET_READS, HOSTS, STRAYS, VMS, type FleetReads } from '../../../application/ports/fleet-reads.port.js';
import { WriteHost } from '../../../application/write-host.handler.js';
import { endpoint, Permission, Serves } from './endpoint.js';
import { Input, type InputOf } from './input.decorator.js';
import { answerWrite } from './write-answer.js';

const tag = 'Hosts';
export const hostParams = z.strictObject({ host: hostRefSchema });
/** What a host was given stands with the VMs. */
const hostModels = [HOSTS.name, VMS.name];

const listHosts = endpoint({
  summary: 'Hosts, by name',
  tag,
  showsOnly: hostModels,
  query: hostListQuerySchema,
  answers: { 200: { description: 'A page.', schema: hostPageSchema } },
});
const getHost = endpoint({
  summary: 'One host: inventory, liveness, what it was given, its strays',
  tag,
  showsOnly: [...hostModels, STRAYS.name],
  params: hostParams,
  answers: { 200: { description: 'The host.', schema: hostResourceSchema } },
  errors: ['HOST_NOT_FOUND'],
});
const forgetOrders = endpoint({
  summary: 'Lower a forged order of a VM in the journal of a host to what the store says',
  tag,
  params: z.strictObject({ host: hostRefSchema, vm: vmRefSchema }),
  query: z.strictObject(projectQuery),
  body: emptyBodySchema,
  example: {},
  answers: { 200: { description: 'Done.', schema: hostWriteAnswerSchema } },
  errors: [
    ...['HOST_NOT_FOUND', 'VM_NOT_FOUND', 'HOST_WRONG_STATE', 'SIGNATURE_INVALID'],
    ...['SERVICE_UNAVAILABLE', 'MESSAGING_UNAVAILABLE', 'TIMED_OUT'],
  ] as const,
});

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
    return this.#reads.of(HOSTS).list(query);
  }

  @Get(':host')
  @Permission('hosts:read')
  @Serves(getHost)
  async get(@Input() { params }: InputOf<typeof getHost>) {
    const host = await this.#find.host(params.host);
    const { strays = [], leftOut = 0 } = (await this.#reads.of(STRAYS).find(host.id)) ?? {};
    return { ...host, strays, straysLeftOut: leftOut };
  }

  @Post(':host/vms/:vm/forget-orders')
  @Permission('hosts:write')
  @Serves(forgetOrders)
  async forgetOrders(@Input() input: InputOf<typeof forgetOrders>, @Res({ passthrough: true }) reply: FastifyReply) {
    const { caller, params, query } = input;
    return answerWrite(
      reply,
      await this.#write.forgetOrders(caller, params.host, params.vm, query.project ?? DEFAULT_PROJECT),
    );
  }
}
