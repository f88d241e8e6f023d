import { Controller, Get, Inject, Post, Res } from '@nestjs/common';
import {
  DEFAULT_CLUSTER,
  DEFAULT_PROJECT,
  emptyBodySchema,
  hostCommandBodies,
  hostListQuerySchema,
  hostPageSchema,
  hostRefSchema,
  hostResourceSchema,
  hostWriteAnswerSchema,
  projectQuery,
  vmRefSchema,
  type HostCommandBody,
  type HostVerb,
} from '@drover/contracts';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { Caller } from '../../../application/caller.js';
import { FindResource } from '../../../application/find-resource.handler.js';
import { FLEET_READS, HOSTS, STRAYS, VMS, type FleetReads } from '../../../application/ports/fleet-reads.port.js';
import { WriteHost } from '../../../application/write-host.handler.js';
import { endpoint, Permission, Serves } from './endpoint.js';
import { Input, type InputOf } from './input.decorator.js';
import { answerWrite } from './write-answer.js';

const tag = 'Hosts';
const params = z.strictObject({ host: hostRefSchema });
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
  params,
  answers: { 200: { description: 'The host.', schema: hostResourceSchema } },
  errors: ['HOST_NOT_FOUND'],
});
const action = <Verb extends HostVerb>(verb: Verb, summary: string, example: HostCommandBody<Verb>) =>
  endpoint({
    summary,
    tag,
    params,
    body: hostCommandBodies[verb],
    example,
    answers: { 200: { description: 'Done.', schema: hostWriteAnswerSchema } },
    errors: ['HOST_NOT_FOUND', 'HOST_WRONG_STATE', 'SERVICE_UNAVAILABLE', 'MESSAGING_UNAVAILABLE', 'TIMED_OUT'],
  });
const cordonHost = action('cordon', 'Place nothing new on a host', {});
const uncordonHost = action('uncordon', 'Let a host take placements again', {});
const labelHost = action('label', 'Set labels of a host and take some away; all others stay', {
  set: { disk: 'nvme' },
  remove: ['rack'],
});
const zoneHost = action('zone', 'Put a host into a zone, or with null into none', { zone: 'east' });
const clusterHost = action('cluster', 'Put a host into another cluster', { cluster: DEFAULT_CLUSTER });

const revokeHost = action('revoke', 'End the credentials of a host at once: it is cut off, its VMs are left alone', {});
const readmitHost = action('readmit', 'Give a host whose credentials were revoked new ones', {});

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

interface HostAction<Verb extends HostVerb> {
  readonly caller: Caller;
  readonly params: z.output<typeof params>;
  readonly body: HostCommandBody<Verb>;
}

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

  @Post(':host/cordon')
  @Permission('hosts:write')
  @Serves(cordonHost)
  async cordon(@Input() input: InputOf<typeof cordonHost>, @Res({ passthrough: true }) reply: FastifyReply) {
    return this.#act(reply, 'cordon', input);
  }

  @Post(':host/uncordon')
  @Permission('hosts:write')
  @Serves(uncordonHost)
  async uncordon(@Input() input: InputOf<typeof uncordonHost>, @Res({ passthrough: true }) reply: FastifyReply) {
    return this.#act(reply, 'uncordon', input);
  }

  @Post(':host/label')
  @Permission('hosts:write')
  @Serves(labelHost)
  async label(@Input() input: InputOf<typeof labelHost>, @Res({ passthrough: true }) reply: FastifyReply) {
    return this.#act(reply, 'label', input);
  }

  @Post(':host/zone')
  @Permission('hosts:write')
  @Serves(zoneHost)
  async zone(@Input() input: InputOf<typeof zoneHost>, @Res({ passthrough: true }) reply: FastifyReply) {
    return this.#act(reply, 'zone', input);
  }

  @Post(':host/cluster')
  @Permission('hosts:write')
  @Serves(clusterHost)
  async cluster(@Input() input: InputOf<typeof clusterHost>, @Res({ passthrough: true }) reply: FastifyReply) {
    return this.#act(reply, 'cluster', input);
  }

  @Post(':host/revoke')
  @Permission('hosts:write')
  @Serves(revokeHost)
  async revoke(@Input() input: InputOf<typeof revokeHost>, @Res({ passthrough: true }) reply: FastifyReply) {
    return this.#act(reply, 'revoke', input);
  }

  @Post(':host/readmit')
  @Permission('hosts:write')
  @Serves(readmitHost)
  async readmit(@Input() input: InputOf<typeof readmitHost>, @Res({ passthrough: true }) reply: FastifyReply) {
    return this.#act(reply, 'readmit', input);
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

  async #act<Verb extends HostVerb>(reply: FastifyReply, verb: Verb, input: HostAction<Verb>) {
    return answerWrite(reply, await this.#write.act(input.caller, verb, input.params.host, input.body));
  }
}
