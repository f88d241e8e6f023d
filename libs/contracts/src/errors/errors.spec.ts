import { describe, expect, it } from '@jest/globals';
import { errorCatalogue, type ErrorCode } from './catalogue.errors.js';
import { errors, failureOf, rejectionFrom } from './errors.js';
import { Fault, isFailure } from './fault.js';
import { Rejected } from './rejection.js';

const codes = Object.keys(errorCatalogue) as ErrorCode[];

describe('the errors', () => {
  it.each(codes)('are made by the entry of their code: %s', (code) => {
    const { kind } = errorCatalogue[code];
    const make = errors[code] as (...args: unknown[]) => unknown;
    const made = kind === 'rejection' ? make('because') : make('unknown', 'because');
    expect(made).toMatchObject({ code, detail: 'because' });
    expect(made instanceof Error).toBe(kind !== 'rejection');
    expect(isFailure(made)).toBe(kind !== 'rejection');
  });

  it('are made with the data of their code alone, also where these come in a variable', () => {
    const data = { pool: 'default', shelf: 3 };
    // @ts-expect-error the catalogue has no shelf for a full pool
    expect(errors.POOL_FULL('not-applied', 'because', { data })).toMatchObject({ data });
    expect(errors.POOL_FULL('not-applied', 'because', { data: { pool: 'default' } })).toMatchObject({
      code: 'POOL_FULL',
    });
  });

  it('are thrown as what they are, also where the code is known only as the program runs', () => {
    const report = { outcome: 'unknown', detail: 'because', data: { libvirtCode: 38 } } as const;
    const fault = failureOf({ code: 'HYPERVISOR_FAILED', ...report });
    expect(fault).toBeInstanceOf(Fault);
    expect(fault).toMatchObject({ code: 'HYPERVISOR_FAILED', ...report });
    const rejected = failureOf({ code: 'INVALID_DEFINITION', ...report });
    expect(rejected).toBeInstanceOf(Rejected);
    expect(rejected).toMatchObject({ ...report, code: 'INVALID_DEFINITION', outcome: 'not-applied' });
  });

  it('of another service are read with the data of their code, and without data of another shape', () => {
    const read = (data: Record<string, unknown>) =>
      rejectionFrom({ code: 'HOST_ID_IN_USE', detail: 'in use', data })?.data;
    expect(read({ retryAfterMs: 5, later: true })).toEqual({ retryAfterMs: 5, later: true });
    expect(read({ retryAfterMs: 'soon' })).toBeUndefined();
    expect(rejectionFrom({ code: 'TIMED_OUT', detail: 'a fault is no rejection' })).toBeUndefined();
  });
});
