import type { FaultCode } from './catalogue.errors.js';
import { Rejected } from './rejection.js';

/** Whether the outside world may have changed before the failure reached us. */
export type Outcome = 'not-applied' | 'unknown';

export interface FaultOptions extends ErrorOptions {
  readonly data?: Readonly<Record<string, unknown>>;
}

/**
 * The world failed. `not-applied` may be repeated; `unknown` must be observed before it is repeated.
 *
 * Made by the entry of its code, `errors.TIMED_OUT(…)`, which knows what its data are; by hand only where a fault is passed on
 * under the code that it had. `detail` is for the log; what an operator reads is the catalogue's sentence for `code`, with `data`.
 */
export class Fault extends Error {
  override readonly name = 'Fault';
  readonly code: FaultCode;
  readonly outcome: Outcome;
  readonly detail: string;
  readonly data: Readonly<Record<string, unknown>>;

  constructor(code: FaultCode, outcome: Outcome, detail: string, options?: FaultOptions) {
    super(`${code}: ${detail}`, options);
    this.code = code;
    this.outcome = outcome;
    this.detail = detail;
    this.data = options?.data ?? {};
  }
}

/** Whether the world failed or the rules said no: anything else that is thrown is a defect. */
export function isFailure(error: unknown): error is Fault | Rejected {
  return error instanceof Fault || error instanceof Rejected;
}
