import { errors, refuse } from '@drover/contracts';

/** @param field how it is called to the client: `/name`, `?after`, `{model}`. */
export function refuseField(field: string, detail: string): never {
  return refuse(errors.INVALID_FIELD(detail, { field }), { fields: [{ field, detail }] });
}
