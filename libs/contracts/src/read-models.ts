/**
 * The read models of api-gateway, each in a PostgreSQL schema of this name, and built anew in one beside it. The owner of the
 * database makes both, because api-gateway may make no schema: in one of its own it could put what others would run.
 */
export const readModels = ['drover_fleet'] as const;
export type ReadModelName = (typeof readModels)[number];

/** Where a model is built anew before it takes the place of the one in use. */
export function rebuildSchemaOf(model: string): string {
  return `${model}_next`;
}
