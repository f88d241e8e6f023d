import type { z } from 'zod';
import {
  errorCatalogue,
  type ErrorCode,
  type ErrorReport,
  type FaultCode,
  type RejectionCode,
} from './catalogue.errors.js';
import { Fault, type Outcome } from './fault.js';
import { Rejected, type Rejection, type RejectionOf } from './rejection.js';

type SchemaOf<Code extends ErrorCode> = (typeof errorCatalogue)[Code]['data'];

/** The numbers and names behind an error of this code, as the catalogue has them; none of them has to be there. */
export type DataOfError<Code extends ErrorCode> = {
  readonly [Name in keyof z.output<SchemaOf<Code>>]?: z.output<SchemaOf<Code>>[Name];
};

/** Also of an object in a variable, whose further fields TypeScript would otherwise pass over. */
type Exactly<Data, Known> = Data & Readonly<Record<Exclude<keyof Data, keyof Known>, never>>;

type MakeRejection<Code extends RejectionCode> = <Data extends DataOfError<Code> = DataOfError<Code>>(
  detail: string,
  more?: { readonly field?: string; readonly data?: Exactly<Data, DataOfError<Code>> },
) => RejectionOf<Code>;

type MakeFault<Code extends FaultCode> = <Data extends DataOfError<Code> = DataOfError<Code>>(
  outcome: Outcome,
  detail: string,
  more?: ErrorOptions & { readonly data?: Exactly<Data, DataOfError<Code>> },
) => Fault;

/**
 * Every error that leaves a service, each made by the entry of its code: a rejection is a value, a fault is thrown, and neither
 * can be made under a code of the other.
 */
export const errors = Object.fromEntries(
  Object.entries(errorCatalogue).map(([code, { kind }]) => [
    code,
    kind === 'rejection'
      ? (detail: string, more: object = {}) => ({ code, detail, ...more })
      : (outcome: Outcome, detail: string, more?: ErrorOptions) => new Fault(code as FaultCode, outcome, detail, more),
  ]),
) as unknown as {
  readonly [Code in ErrorCode]: Code extends RejectionCode
    ? MakeRejection<Code>
    : Code extends FaultCode
      ? MakeFault<Code>
      : never;
};

export function isRejectionCode(code: ErrorCode): code is RejectionCode {
  return errorCatalogue[code].kind === 'rejection';
}

/** The rejection that another service reports; undefined where its code is that of a fault. Data of another shape are left out. */
export function rejectionFrom({ code, detail, field, data }: ErrorReport): Rejection | undefined {
  if (!isRejectionCode(code)) return undefined;
  const isReadable = data !== undefined && errorCatalogue[code].data.partial().safeParse(data).success;
  return {
    code,
    detail,
    ...(field === undefined ? {} : { field }),
    ...(isReadable ? { data } : {}),
  } as Rejection;
}

/** What is thrown for an error whose code is known only as the program runs. `not-applied` is what every rejection is. */
export function failureOf(
  report: ErrorReport & { readonly outcome: Outcome },
  options?: ErrorOptions,
): Fault | Rejected {
  const { code, outcome, detail, data } = report;
  const rejection = rejectionFrom(report);
  if (rejection !== undefined) return new Rejected(rejection, options);
  return new Fault(code as FaultCode, outcome, detail, { ...options, ...(data === undefined ? {} : { data }) });
}
