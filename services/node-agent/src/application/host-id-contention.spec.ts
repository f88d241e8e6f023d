import { describe, expect, it } from '@jest/globals';
import { errors } from '@drover/contracts';
import { HostIdContention } from './host-id-contention.js';

const inUse = (retryAfterMs: number, term: number) => errors.HOST_ID_IN_USE('in use', { data: { retryAfterMs, term } });

describe('an agent whose host id is in use', () => {
  it('asks again for twice as long as the other may live, from the first refusal on', () => {
    const contention = new HostIdContention(0);
    // Before, ha-manager was away for long: that says nothing of the other agent.
    expect(contention.mayAskAgain(inUse(6_000, 1), 500_000)).toBe(true);
    expect(contention.mayAskAgain(inUse(1_000, 1), 511_999)).toBe(true);
    expect(contention.mayAskAgain(inUse(6_000, 1), 512_000)).toBe(false);
  });

  it('begins anew after an outage', () => {
    const contention = new HostIdContention(0);
    expect(contention.mayAskAgain(inUse(13_500, 1), 0)).toBe(true);
    contention.unanswered();
    expect(contention.mayAskAgain(inUse(13_500, 1), 40_000)).toBe(true);
    expect(contention.mayAskAgain(inUse(13_500, 1), 67_000)).toBe(false);
  });

  it('begins anew with each ha-manager, which begins to count anew', () => {
    const contention = new HostIdContention(0);
    for (let term = 1; term <= 10; term += 1) {
      expect(contention.mayAskAgain(inUse(6_000, term), term * 11_000)).toBe(true);
    }
    expect(contention.mayAskAgain(inUse(6_000, 10), 10 * 11_000 + 12_000)).toBe(false);
  });
});
