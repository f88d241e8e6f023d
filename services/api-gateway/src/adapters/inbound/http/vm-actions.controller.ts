import { Controller, Inject } from '@nestjs/common';
import {
  DEFAULT_PROJECT,
  projectQuery,
  vmActionKinds,
  vmActions,
  waitQuery,
  type VmActionKind,
} from '@drover/contracts';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { WriteVm } from '../../../application/write-vm.handler.js';
import { endpoint } from './endpoint.js';
import type { InputOf } from './input.decorator.js';
import { serveVerbs } from './serve-verbs.js';
import { vmParams, writeAnswers, writeErrors } from './vms.controller.js';
import { answerWrite } from './write-answer.js';

const endpointOf = (kind: VmActionKind) =>
  endpoint({
    summary: vmActions[kind].summary,
    tag: 'VMs',
    params: vmParams,
    query: z.strictObject({ ...projectQuery, ...waitQuery }),
    body: vmActions[kind].request,
    example: vmActions[kind].example,
    answers: writeAnswers,
    errors: ['VM_NOT_FOUND', 'SUPERSEDED', ...writeErrors],
  });

/** `POST /api/v1/vms/{vm}/<verb>`: one route for each action in the table of verbs. */
@Controller('api/v1/vms/:vm')
export class VmActionsController {
  readonly #write: WriteVm;

  constructor(@Inject(WriteVm) write: WriteVm) {
    this.#write = write;
  }

  async act({ caller, params, query, body }: InputOf<ReturnType<typeof endpointOf>>, reply: FastifyReply) {
    const target = { project: query.project ?? DEFAULT_PROJECT, ref: params.vm };
    return answerWrite(reply, await this.#write.act(caller, target, body, query.wait ?? 0));
  }
}

serveVerbs(VmActionsController, vmActionKinds, 'vms:write', endpointOf);
