import { Controller, Get, Inject, Post } from '@nestjs/common';
import { emptyBodySchema, modelListSchema, modelStatusSchema, rebuildStatusSchema } from '@drover/contracts';
import { z } from 'zod';
import { MODELS, type Models } from '../../../application/ports/models.port.js';
import { refuseField } from '../../../application/refuse-field.js';
import { endpoint, Permission, Serves } from './endpoint.js';
import { Input, type InputOf } from './input.decorator.js';

const tag = 'Administration';
const params = z.strictObject({ model: z.string().regex(/^[a-z]{1,30}$/, 'must be the name of a model, as vm') });

const listModels = endpoint({
  summary: 'The models that the API reads, one for each kind of resource, and how far each is',
  tag,
  answers: { 200: { description: 'All of them, as this process of api-gateway sees them.', schema: modelListSchema } },
});
const getModel = endpoint({
  summary: 'One model, and how far its newest rebuild is',
  tag,
  params,
  answers: { 200: { description: 'As this process of api-gateway sees it.', schema: modelStatusSchema } },
});
const rebuildModel = endpoint({
  summary: 'Drop one model and build it anew from the event store; reads go on meanwhile',
  tag,
  params,
  body: emptyBodySchema,
  example: {},
  answers: { 202: { description: 'Begun, or under way already.', schema: rebuildStatusSchema } },
});

@Controller('api/v1/admin/models')
export class AdminController {
  readonly #models: Models;

  constructor(@Inject(MODELS) models: Models) {
    this.#models = models;
  }

  @Get()
  @Permission('admin:write')
  @Serves(listModels)
  list(@Input() _input: InputOf<typeof listModels>) {
    return { items: this.#models.list() };
  }

  @Get(':model')
  @Permission('admin:write')
  @Serves(getModel)
  get(@Input() { params }: InputOf<typeof getModel>) {
    return this.#models.list().find(({ name }) => name === params.model) ?? this.#refuseUnknown(params.model);
  }

  @Post(':model/rebuild')
  @Permission('admin:write')
  @Serves(rebuildModel)
  rebuild(@Input() { params }: InputOf<typeof rebuildModel>) {
    return this.#models.rebuild(params.model) ?? this.#refuseUnknown(params.model);
  }

  #refuseUnknown(model: string): never {
    const names = this.#models.list().map(({ name }) => name);
    return refuseField('{model}', `there is no model ${model}; there are ${names.join(', ')}`);
  }
}
