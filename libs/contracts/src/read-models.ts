import { streamKinds } from './events/catalogue.events.js';

/** The PostgreSQL schema of the model that shows one kind of resource. */
export function readModelOf(resource: string): string {
  return `drover_${resource}`;
}

/**
 * The read models of api-gateway: one for each kind of stream, and one for the operations in all of them. Each stands in a PostgreSQL
 * schema of this name, and is built anew in a second one. The owner of the database makes both, because api-gateway may make no
 * schema: in one of its own it could put what others would run.
 */
export const readModels: readonly string[] = [
  ...streamKinds.map(({ name }) => readModelOf(name)),
  readModelOf('operation'),
];

/** Where a model is built anew before it takes the place of the one in use. */
export function rebuildSchemaOf(model: string): string {
  return `${model}_next`;
}
