import { Controller, Inject, Post, Res } from '@nestjs/common';
import {
  DEFAULT_PROJECT,
  emptyBodySchema,
  projectQuery,
  rebootVmBodySchema,
  stopVmBodySchema,
  waitQuery,
} from '@drover/contracts';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { WriteVm } from '../../../application/write-vm.handler.js';
import { endpoint, Permission, Serves } from './endpoint.js';
import { Input, type InputOf } from './input.decorator.js';
import { vmParams, writeAnswers, writeErrors } from './vms.controller.js';
import { answerWrite } from './write-answer.js';

const action = <const Body extends z.ZodType>(summary: string, body: Body, example: unknown) =>
  endpoint({
    summary,
    tag: 'VMs',
    params: vmParams,
    query: z.strictObject({ ...projectQuery, ...waitQuery }),
    body,
    example,
    answers: writeAnswers,
    errors: ['VM_NOT_FOUND', 'SUPERSEDED', ...writeErrors],
  });

const startVm = action('Start a stopped VM', emptyBodySchema, {});
const stopVm = action('Stop a VM: by its guest, then by force; or at once', stopVmBodySchema, { mode: 'graceful' });
const rebootVm = action('Restart the guest', rebootVmBodySchema, { gracePeriodMs: 30_000 });
const resetVm = action('Reset, as the button of a machine does', emptyBodySchema, {});
const pauseVm = action('Hold the virtual CPUs', emptyBodySchema, {});
const resumeVm = action('Let paused virtual CPUs go on', emptyBodySchema, {});

type ActionInput = InputOf<typeof startVm>;

@Controller('api/v1/vms/:vm')
export class VmActionsController {
  readonly #write: WriteVm;

  constructor(@Inject(WriteVm) write: WriteVm) {
    this.#write = write;
  }

  @Post('start')
  @Permission('vms:write')
  @Serves(startVm)
  start(@Input() input: ActionInput, @Res({ passthrough: true }) reply: FastifyReply) {
    return this.#act(reply, input, 'start', {});
  }

  @Post('stop')
  @Permission('vms:write')
  @Serves(stopVm)
  stop(@Input() input: InputOf<typeof stopVm>, @Res({ passthrough: true }) reply: FastifyReply) {
    return this.#act(reply, input, 'stop', input.body);
  }

  @Post('reboot')
  @Permission('vms:write')
  @Serves(rebootVm)
  reboot(@Input() input: InputOf<typeof rebootVm>, @Res({ passthrough: true }) reply: FastifyReply) {
    return this.#act(reply, input, 'reboot', input.body);
  }

  @Post('reset')
  @Permission('vms:write')
  @Serves(resetVm)
  reset(@Input() input: ActionInput, @Res({ passthrough: true }) reply: FastifyReply) {
    return this.#act(reply, input, 'reset', {});
  }

  @Post('pause')
  @Permission('vms:write')
  @Serves(pauseVm)
  pause(@Input() input: ActionInput, @Res({ passthrough: true }) reply: FastifyReply) {
    return this.#act(reply, input, 'pause', {});
  }

  @Post('resume')
  @Permission('vms:write')
  @Serves(resumeVm)
  resume(@Input() input: ActionInput, @Res({ passthrough: true }) reply: FastifyReply) {
    return this.#act(reply, input, 'resume', {});
  }

  async #act<Verb extends Parameters<WriteVm['act']>[1]>(
    reply: FastifyReply,
    { caller, params, query }: Pick<ActionInput, 'caller' | 'params' | 'query'>,
    verb: Verb,
    options: Parameters<typeof WriteVm.prototype.act<Verb>>[3],
  ) {
    const target = { project: query.project ?? DEFAULT_PROJECT, ref: params.vm };
    return answerWrite(reply, await this.#write.act(caller, verb, target, options, query.wait ?? 0));
  }
}
