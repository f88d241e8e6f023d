import type { ErrorCode } from './catalogue.errors.js';

/** Whether the outside world may have changed before the failure reached us. */
export type Outcome = 'not-applied' | 'unknown';

/**
 * The world failed. `not-applied` may be repeated; `unknown` must be observed before it is repeated.
 *
 * `message` is the detail for the log; what an operator reads is the catalogue's sentence for `code`, with `data`.
 */
export class Fault extends Error {
  override readonly name = 'Fault';
  readonly code: ErrorCode;
  readonly outcome: Outcome;
  readonly data: Readonly<Record<string, unknown>>;

  constructor(
    code: ErrorCode,
    outcome: Outcome,
    detail: string,
    options?: ErrorOptions & { readonly data?: Readonly<Record<string, unknown>> },
  ) {
    super(`${code}: ${detail}`, options);
    this.code = code;
    this.outcome = outcome;
    this.data = options?.data ?? {};
  }
}

/** The rules say no. A value, never thrown across a boundary and never retried. */
export interface Rejection {
  readonly code: ErrorCode;
  /** For the operator: what is wrong with this very request, and the remedy. */
  readonly detail: string;
  /** JSON pointer into the request body (RFC 6901) of the field to blame, where there is one. */
  readonly field?: string;
  readonly data?: Readonly<Record<string, unknown>>;
}
