import { setTimeout as delay } from 'node:timers/promises';

/** Waits for a state, and fails with where it was wanted if it does not come. */
export async function until(holds: () => boolean | Promise<boolean>, timeoutMs = 20_000): Promise<void> {
  const failure = new Error('the expected state did not come');
  const deadline = Date.now() + timeoutMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw failure;
    await delay(5);
  }
}
