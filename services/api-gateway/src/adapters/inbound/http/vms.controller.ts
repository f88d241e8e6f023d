import { Controller, Delete, Get, Inject, Post, Res } from '@nestjs/common';
import {
  createVmBodySchema,
  DEFAULT_PROJECT,
  explainAnswerSchema,
  placementQuerySchema,
  vmGetQuerySchema,
  vmHistoryQuerySchema,
  vmHistorySchema,
  vmListQuerySchema,
  vmPageSchema,
  vmRefSchema,
  vmResourceSchema,
  vmVerbs,
  vmWriteAnswerSchema,
  waitQuery,
  projectQuery,
} from '@drover/contracts';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { ExplainPlacement } from '../../../application/explain-placement.handler.js';
import { FindResource } from '../../../application/find-resource.handler.js';
import { FLEET_READS, VMS, type FleetReads } from '../../../application/ports/fleet-reads.port.js';
import { VM_HISTORY, type VmHistory } from '../../../application/ports/vm-history.port.js';
import { VmAsOf } from '../../../application/vm-as-of.handler.js';
import { WriteVm } from '../../../application/write-vm.handler.js';
import { withPowerDrift } from '../../../application/power-drift.policy.js';
import { endpoint, Permission, Serves } from './endpoint.js';
import { Input, type InputOf } from './input.decorator.js';
import { answerWrite } from './write-answer.js';

const tag = 'VMs';
export const vmParams = z.strictObject({ vm: vmRefSchema });
export const writeAnswers = {
  202: { description: 'Taken; follow the operation at `Location`.', schema: vmWriteAnswerSchema },
  200: {
    description: 'Nothing more will happen: it was so already, or the end was waited for.',
    schema: vmWriteAnswerSchema,
  },
};
export const writeErrors = [
  'IDEMPOTENCY_KEY_REUSED',
  'TOO_MANY_REQUESTS',
  'VM_BUSY',
  'VM_WRONG_STATE',
  'SERVICE_UNAVAILABLE',
  'MESSAGING_UNAVAILABLE',
  'TIMED_OUT',
] as const;

const listVms = endpoint({
  summary: 'VMs, by project and name',
  tag,
  showsOnly: [VMS.name],
  query: vmListQuerySchema,
  answers: { 200: { description: 'A page.', schema: vmPageSchema } },
});
const createVm = endpoint({
  summary: 'Create a VM, and start it',
  tag,
  query: z.strictObject(waitQuery),
  body: createVmBodySchema,
  example: {
    name: 'web-1',
    spec: {
      cpu: { cores: 2 },
      memory: { sizeMiB: 512 },
      disks: [{ name: 'root', image: 'guest' }],
      nics: [{ network: 'default' }],
      labels: { tier: 'web' },
    },
  },
  answers: writeAnswers,
  errors: ['VM_NAME_TAKEN', 'UNSUPPORTED_FIELD', ...writeErrors],
});
const getVm = endpoint({
  summary: 'One VM, now or as of any moment',
  tag,
  showsOnly: [VMS.name],
  params: vmParams,
  query: vmGetQuerySchema,
  answers: { 200: { description: 'The VM.', schema: vmResourceSchema } },
  errors: ['VM_NOT_FOUND'],
});
const deleteVm = endpoint({
  summary: vmVerbs.delete.summary,
  tag,
  params: vmParams,
  query: z.strictObject({ ...projectQuery, ...waitQuery }),
  answers: writeAnswers,
  errors: ['VM_NOT_FOUND', ...writeErrors],
});
const vmHistory = endpoint({
  summary: 'Events of a VM, also of a deleted one by its id',
  tag,
  params: vmParams,
  query: vmHistoryQuerySchema,
  answers: { 200: { description: 'Events in order.', schema: vmHistorySchema } },
  errors: ['VM_NOT_FOUND'],
});
const vmPlacement = endpoint({
  summary: 'Where the VM would be placed now, host by host, and why',
  tag,
  params: vmParams,
  query: placementQuerySchema,
  answers: {
    200: { description: 'Candidates, best first, then refused hosts with their numbers.', schema: explainAnswerSchema },
  },
  errors: ['VM_NOT_FOUND', 'SERVICE_UNAVAILABLE', 'MESSAGING_UNAVAILABLE', 'TIMED_OUT'],
});

@Controller('api/v1/vms')
export class VmsController {
  readonly #reads: FleetReads;
  readonly #find: FindResource;
  readonly #write: WriteVm;
  readonly #asOf: VmAsOf;
  readonly #history: VmHistory;
  readonly #explain: ExplainPlacement;

  constructor(
    @Inject(FLEET_READS) reads: FleetReads,
    @Inject(FindResource) find: FindResource,
    @Inject(WriteVm) write: WriteVm,
    @Inject(VmAsOf) asOf: VmAsOf,
    @Inject(VM_HISTORY) history: VmHistory,
    @Inject(ExplainPlacement) explain: ExplainPlacement,
  ) {
    this.#reads = reads;
    this.#find = find;
    this.#write = write;
    this.#asOf = asOf;
    this.#history = history;
    this.#explain = explain;
  }

  @Get()
  @Permission('vms:read')
  @Serves(listVms)
  async list(@Input() { query }: InputOf<typeof listVms>) {
    const { items, ...rest } = await this.#reads.of(VMS).list(query);
    return { items: items.map(withPowerDrift), ...rest };
  }

  @Post()
  @Permission('vms:write')
  @Serves(createVm)
  async create(@Input() input: InputOf<typeof createVm>, @Res({ passthrough: true }) reply: FastifyReply) {
    return answerWrite(reply, await this.#write.create(input.caller, input.body, input.query.wait ?? 0));
  }

  @Get(':vm')
  @Permission('vms:read')
  @Serves(getVm)
  async get(@Input() { params, query }: InputOf<typeof getVm>) {
    const { project = DEFAULT_PROJECT, at } = query;
    if (at !== undefined) return this.#asOf.at(project, params.vm, at);
    return withPowerDrift(await this.#find.vm(project, params.vm));
  }

  @Delete(':vm')
  @Permission('vms:write')
  @Serves(deleteVm)
  async delete(@Input() input: InputOf<typeof deleteVm>, @Res({ passthrough: true }) reply: FastifyReply) {
    const { project = DEFAULT_PROJECT, wait = 0 } = input.query;
    const target = { project, ref: input.params.vm };
    return answerWrite(reply, await this.#write.act(input.caller, target, { kind: 'delete' }, wait));
  }

  @Get(':vm/history')
  @Permission('vms:read')
  @Serves(vmHistory)
  async history(@Input() { params, query }: InputOf<typeof vmHistory>) {
    const { project = DEFAULT_PROJECT, after = -1, limit = 500 } = query;
    const { id } = await this.#find.vmEver(project, params.vm);
    return this.#history.page(id, after, limit);
  }

  @Get(':vm/placement')
  @Permission('vms:read')
  @Serves(vmPlacement)
  async placement(@Input() { params, query }: InputOf<typeof vmPlacement>) {
    const { project = DEFAULT_PROJECT, limit = 100, after } = query;
    return this.#explain.explain(project, params.vm, { limit, ...(after === undefined ? {} : { afterHostId: after }) });
  }
}
