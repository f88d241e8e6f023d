import type { RejectionCode } from './catalogue.errors.js';
import type { DataOfError } from './errors.js';

/** A no of one code: made by its entry, `errors.VM_BUSY(…)`. */
export type RejectionOf<Code extends RejectionCode> = {
  readonly code: Code;
  /** For the operator: what is wrong with this very request, and the remedy. */
  readonly detail: string;
  /** JSON pointer into the request body (RFC 6901) of the field to blame, where there is one. */
  readonly field?: string;
  readonly data?: DataOfError<Code>;
};

/** The rules say no. A value; `Rejected` is its thrown form. Never retried. */
export type Rejection = { readonly [Code in RejectionCode]: RejectionOf<Code> }[RejectionCode];

export interface FieldProblem {
  /** JSON pointer (RFC 6901). */
  readonly field: string;
  readonly detail: string;
}

export interface RejectedOptions extends ErrorOptions {
  /** Every field to blame; the first one is also the rejection's. */
  readonly fields?: readonly FieldProblem[];
}

/** A rejection that is thrown, so that the code in between reads straight on. What was asked for was not done. */
export class Rejected extends Error {
  override readonly name = 'Rejected';
  readonly rejection: Rejection;
  readonly outcome = 'not-applied';
  readonly fields: readonly FieldProblem[];

  constructor(rejection: Rejection, options?: RejectedOptions) {
    super(`${rejection.code}: ${rejection.detail}`, options);
    this.rejection = rejection;
    this.fields = options?.fields ?? [];
  }

  get code(): RejectionCode {
    return this.rejection.code;
  }

  get detail(): string {
    return this.rejection.detail;
  }

  get data(): Readonly<Record<string, unknown>> {
    return this.rejection.data ?? {};
  }
}

/** Throws the rejection, where a value is expected. */
export function refuse(rejection: Rejection, options?: RejectedOptions): never {
  throw new Rejected(rejection, options);
}

/** What a request is answered with; a fault or defect is thrown. */
export type Answer<Value = unknown> =
  { readonly kind: 'answered'; readonly value: Value } | { readonly kind: 'rejected'; readonly rejection: Rejection };

export function answered<Value>(value: Value): Answer<Value> {
  return { kind: 'answered', value };
}

export function rejected(rejection: Rejection): Answer<never> {
  return { kind: 'rejected', rejection };
}

/** The answer that a value is: no answer of ours has a `code`, and every rejection has. */
export function answerOf<Value extends object>(value: Value | Rejection): Answer<Value> {
  return 'code' in value ? rejected(value) : answered(value);
}
