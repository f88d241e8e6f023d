import type { ErrorCode, Rejection } from '@drover/contracts';

/** A rejection on its way to the caller: thrown here, so that handlers read straight on, and answered at the edge. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly rejection: Rejection;
  /** Every field to blame; the first one is also the rejection's. */
  readonly fields: readonly FieldProblem[];

  constructor(rejection: Rejection, fields: readonly FieldProblem[] = []) {
    super(`${rejection.code}: ${rejection.detail}`);
    this.rejection = rejection;
    this.fields = fields;
  }
}

export interface FieldProblem {
  /** JSON pointer (RFC 6901). */
  readonly field: string;
  readonly detail: string;
}

/** @param field how it is called to the client: `/name`, `?after`, `{model}`. */
export function refuseField(field: string, detail: string): never {
  throw new Refused({ code: 'INVALID_FIELD', detail, field }, [{ field, detail }]);
}

export function refuse(code: ErrorCode, detail: string): never {
  throw new Refused({ code, detail });
}
