import { expect } from '@jest/globals';
import { isFailure, type Fault, type Rejected } from '@drover/contracts';

/** How the call failed: by the world or by a rule, never by a defect. */
export async function faultOf(call: Promise<unknown>): Promise<Fault | Rejected> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ code: expect.any(String) });
  if (!isFailure(error)) throw error;
  return error;
}
