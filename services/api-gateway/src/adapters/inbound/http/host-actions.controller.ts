import { Controller, Inject } from '@nestjs/common';
import { hostVerbNames, hostVerbs, hostWriteAnswerSchema, type HostVerb } from '@drover/contracts';
import type { FastifyReply } from 'fastify';
import { WriteHost } from '../../../application/write-host.handler.js';
import { endpoint } from './endpoint.js';
import { hostParams } from './hosts.controller.js';
import type { InputOf } from './input.decorator.js';
import { serveVerbs } from './serve-verbs.js';
import { answerWrite } from './write-answer.js';

const endpointOf = (verb: HostVerb) =>
  endpoint({
    summary: hostVerbs[verb].summary,
    tag: 'Hosts',
    params: hostParams,
    body: hostVerbs[verb].request,
    example: hostVerbs[verb].example,
    answers: { 200: { description: 'Done.', schema: hostWriteAnswerSchema } },
    errors: ['HOST_NOT_FOUND', 'HOST_WRONG_STATE', 'SERVICE_UNAVAILABLE', 'MESSAGING_UNAVAILABLE', 'TIMED_OUT'],
  });

/** `POST /api/v1/hosts/{host}/<verb>`: one route for each verb in the table of verbs. */
@Controller('api/v1/hosts/:host')
export class HostActionsController {
  readonly #write: WriteHost;

  constructor(@Inject(WriteHost) write: WriteHost) {
    this.#write = write;
  }

  async act({ caller, params, body }: InputOf<ReturnType<typeof endpointOf>>, reply: FastifyReply) {
    return answerWrite(reply, await this.#write.act(caller, params.host, body));
  }
}

serveVerbs(HostActionsController, hostVerbNames, 'hosts:write', endpointOf);
