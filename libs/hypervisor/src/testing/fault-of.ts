import { expect } from '@jest/globals';
import { Fault } from '@drover/contracts';

/** What a call fails with, which must be a fault. */
export async function faultOf(call: Promise<unknown>): Promise<Fault> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(Fault);
  return error as Fault;
}
