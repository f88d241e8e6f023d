import { Controller, Delete, Get, Inject, Post, Res } from '@nestjs/common';
import {
  DEFAULT_PROJECT,
  imageListQuerySchema,
  imagePageSchema,
  imageRefInPathSchema,
  imageResourceSchema,
  imageWriteAnswerSchema,
  projectQuery,
  registerImageBodySchema,
} from '@drover/contracts';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { FLEET_READS, HOSTS, IMAGES, type FleetReads } from '../../../application/ports/fleet-reads.port.js';
import { ReadImage } from '../../../application/read-image.handler.js';
import { WriteImage } from '../../../application/write-image.handler.js';
import { endpoint, Permission, Serves } from './endpoint.js';
import { Input, type InputOf } from './input.decorator.js';
import { answerWrite } from './write-answer.js';

const tag = 'Images';
const params = z.strictObject({ image: imageRefInPathSchema });
const query = z.strictObject(projectQuery);
const writeErrors = ['IDEMPOTENCY_KEY_REUSED', 'SERVICE_UNAVAILABLE', 'MESSAGING_UNAVAILABLE', 'TIMED_OUT'] as const;

const listImages = endpoint({
  summary: 'Registered images, by project and name',
  tag,
  showsOnly: [IMAGES.name],
  query: imageListQuerySchema,
  answers: { 200: { description: 'A page.', schema: imagePageSchema } },
});
const registerImage = endpoint({
  summary: 'Register an image from the files of one host, which reads them to the last byte',
  tag,
  body: registerImageBodySchema,
  example: { name: 'guest', source: { kind: 'host', host: 'host-1' } },
  answers: { 202: { description: 'Taken; follow the operation at `Location`.', schema: imageWriteAnswerSchema } },
  errors: ['IMAGE_NAME_TAKEN', 'HOST_NOT_FOUND', ...writeErrors],
});
const getImage = endpoint({
  summary: 'One image, and what each host has under its name',
  tag,
  showsOnly: [IMAGES.name, HOSTS.name],
  params,
  query,
  answers: { 200: { description: 'The image.', schema: imageResourceSchema } },
  errors: ['IMAGE_NOT_REGISTERED'],
});
const deleteImage = endpoint({
  summary: 'Take an image that no VM uses out of the catalogue; files on hosts stay',
  tag,
  params,
  query,
  answers: { 200: { description: 'It is no image any more.', schema: imageWriteAnswerSchema } },
  errors: ['IMAGE_NOT_REGISTERED', 'IMAGE_IN_USE', ...writeErrors],
});

@Controller('api/v1/images')
export class ImagesController {
  readonly #reads: FleetReads;
  readonly #read: ReadImage;
  readonly #write: WriteImage;

  constructor(
    @Inject(FLEET_READS) reads: FleetReads,
    @Inject(ReadImage) read: ReadImage,
    @Inject(WriteImage) write: WriteImage,
  ) {
    this.#reads = reads;
    this.#read = read;
    this.#write = write;
  }

  @Get()
  @Permission('images:read')
  @Serves(listImages)
  async list(@Input() input: InputOf<typeof listImages>) {
    return this.#reads.of(IMAGES).list(input.query);
  }

  @Post()
  @Permission('images:write')
  @Serves(registerImage)
  async register(@Input() input: InputOf<typeof registerImage>, @Res({ passthrough: true }) reply: FastifyReply) {
    return answerWrite(reply, await this.#write.register(input.caller, input.body));
  }

  @Get(':image')
  @Permission('images:read')
  @Serves(getImage)
  async get(@Input() input: InputOf<typeof getImage>) {
    return this.#read.get(input.query.project ?? DEFAULT_PROJECT, input.params.image);
  }

  @Delete(':image')
  @Permission('images:write')
  @Serves(deleteImage)
  async delete(@Input() input: InputOf<typeof deleteImage>, @Res({ passthrough: true }) reply: FastifyReply) {
    const { project = DEFAULT_PROJECT } = input.query;
    return answerWrite(reply, await this.#write.delete(input.caller, project, input.params.image));
  }
}
