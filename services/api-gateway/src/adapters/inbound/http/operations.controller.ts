import { Controller, Get, Inject, Post, Res } from '@nestjs/common';
import {
  emptyBodySchema,
  imageKind,
  imageWriteAnswerSchema,
  operationIdSchema,
  operationListQuerySchema,
  operationPageSchema,
  operationResourceSchema,
  vmWriteAnswerSchema,
  waitQuery,
} from '@drover/contracts';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { FindResource } from '../../../application/find-resource.handler.js';
import { FLEET_READS, OPERATIONS, type FleetReads } from '../../../application/ports/fleet-reads.port.js';
import { shownOperation } from '../../../application/shown-operation.policy.js';
import { ProgressBoard } from '../../../application/progress-board.js';
import { WriteImage } from '../../../application/write-image.handler.js';
import { WriteVm } from '../../../application/write-vm.handler.js';
import { endpoint, Permission, Serves } from './endpoint.js';
import { Input, type InputOf } from './input.decorator.js';
import { writeAnswers, writeErrors } from './vms.controller.js';
import { answerWrite } from './write-answer.js';

const tag = 'Operations';
const params = z.strictObject({ operation: operationIdSchema });

/** As writes on the thing that the operation works on are answered. */
const cancelAnswerSchema = z.union([vmWriteAnswerSchema, imageWriteAnswerSchema]);
type CancelAnswer = z.infer<typeof cancelAnswerSchema>;

const listOperations = endpoint({
  summary: 'Operations, newest first',
  tag,
  query: operationListQuerySchema,
  answers: { 200: { description: 'A page.', schema: operationPageSchema } },
});
const getOperation = endpoint({
  summary: 'One operation',
  tag,
  params,
  answers: { 200: { description: 'The operation.', schema: operationResourceSchema } },
  errors: ['OPERATION_NOT_FOUND'],
});
const cancelOperation = endpoint({
  summary: 'End an operation that has not reached its host',
  tag,
  params,
  query: z.strictObject(waitQuery),
  body: emptyBodySchema,
  example: {},
  answers: {
    202: { ...writeAnswers[202], schema: cancelAnswerSchema },
    200: { ...writeAnswers[200], schema: cancelAnswerSchema },
  },
  errors: ['OPERATION_NOT_FOUND', 'OPERATION_NOT_CANCELLABLE', ...writeErrors],
});

@Controller('api/v1/operations')
export class OperationsController {
  readonly #reads: FleetReads;
  readonly #find: FindResource;
  readonly #write: WriteVm;
  readonly #images: WriteImage;
  readonly #progress: ProgressBoard;

  constructor(
    @Inject(FLEET_READS) reads: FleetReads,
    @Inject(FindResource) find: FindResource,
    @Inject(WriteVm) write: WriteVm,
    @Inject(WriteImage) images: WriteImage,
    @Inject(ProgressBoard) progress: ProgressBoard,
  ) {
    this.#reads = reads;
    this.#find = find;
    this.#write = write;
    this.#images = images;
    this.#progress = progress;
  }

  @Get()
  @Permission('operations:read')
  @Serves(listOperations)
  async list(@Input() { query }: InputOf<typeof listOperations>) {
    const { items, ...rest } = await this.#reads.of(OPERATIONS).list(query);
    return { items: items.map((operation) => shownOperation(operation, this.#progress)), ...rest };
  }

  @Get(':operation')
  @Permission('operations:read')
  @Serves(getOperation)
  async get(@Input() { params }: InputOf<typeof getOperation>) {
    return shownOperation(await this.#find.operation(params.operation), this.#progress);
  }

  @Post(':operation/cancel')
  @Permission('operations:write')
  @Serves(cancelOperation)
  async cancel(@Input() input: InputOf<typeof cancelOperation>, @Res({ passthrough: true }) reply: FastifyReply) {
    const { caller, params, query } = input;
    const operation = await this.#find.operation(params.operation);
    if (operation.subject.kind === imageKind.name) {
      return answerWrite<CancelAnswer>(reply, await this.#images.cancel(caller, operation));
    }
    return answerWrite<CancelAnswer>(reply, await this.#write.cancel(caller, params.operation, query.wait ?? 0));
  }
}
