import { describe, expect, it } from '@jest/globals';
import { hostId } from '@drover/fleet-model/testing';
import { aliveBootNonce, heartbeatIntervalMs, isOfRegisteredAgent, judge, type Verdict } from './liveness.policy.js';
import { DEFAULT_LIVENESS, evolve, initialLiveness, type LivenessEvent, type LivenessState } from './liveness.state.js';

const policy = { ...DEFAULT_LIVENESS, graceMs: 5000 };
const id = hostId(1);

const tick = (nowMs: number, isListening = true): LivenessEvent => ({ type: 'ClockTicked', nowMs, isListening });
const heard = (heardAtMs: number, nextIntervalMs = 1000, bootNonce = 'boot-1'): LivenessEvent => ({
  type: 'HeartbeatHeard',
  hostId: id,
  pulse: { bootNonce, heardAtMs, nextIntervalMs },
});
const given = (...events: readonly LivenessEvent[]): LivenessState => events.reduce(evolve, initialLiveness(policy));
const judged = (state: LivenessState, nowMs: number, isSuspected = false): readonly Verdict[] =>
  judge(state, [{ hostId: id, isSuspected }], nowMs);

describe('a silent host', () => {
  it('is suspected when it has missed three heartbeats and half an interval has passed', () => {
    const state = given(tick(-10_000), heard(0));
    expect(judged(state, 3499)).toEqual([]);
    expect(judged(state, 3500)).toEqual([{ kind: 'silent', hostId: id, missedHeartbeats: 3 }]);
    expect(judged(state, 9600)).toEqual([{ kind: 'silent', hostId: id, missedHeartbeats: 9 }]);
  });

  it('is counted in the interval that it was told', () => {
    const state = given(tick(-10_000), heard(0, 5000));
    expect(judged(state, 17_499)).toEqual([]);
    expect(judged(state, 17_500)).toMatchObject([{ kind: 'silent', missedHeartbeats: 3 }]);
  });

  it('that was never heard is counted from when we began to listen, and the grace', () => {
    const state = given(tick(100));
    expect(judged(state, 8599)).toEqual([]);
    expect(judged(state, 8600)).toMatchObject([{ kind: 'silent', missedHeartbeats: 3 }]);
  });

  it('is not suspected while it was we who could not hear', () => {
    const deaf = given(tick(-10_000), heard(0), tick(500, false));
    expect(judged(deaf, 60_000)).toEqual([]);
    const backAt = 60_000;
    const listening = evolve(deaf, tick(backAt));
    expect(judged(listening, backAt + policy.graceMs + 3499)).toEqual([]);
    expect(judged(listening, backAt + policy.graceMs + 3500)).toMatchObject([{ kind: 'silent' }]);
  });

  it('is not suspected when this process stood still', () => {
    const state = given(tick(-10_000), heard(0), tick(500), tick(500 + policy.stallMs + 1));
    expect(judged(state, 6000)).toEqual([]);
  });

  it('is not suspected again', () => {
    expect(judged(given(tick(-10_000), heard(0)), 60_000, true)).toEqual([]);
  });
});

describe('a suspected host', () => {
  it('is back when it is heard', () => {
    const silent = given(tick(-10_000), heard(0));
    expect(judged(silent, 5000, true)).toEqual([]);
    expect(judged(evolve(silent, heard(5000)), 5100, true)).toEqual([{ kind: 'back', hostId: id }]);
  });
});

describe('the agent of a host', () => {
  it('holds its host id until it has been silent for three intervals', () => {
    const state = given(heard(0));
    expect(aliveBootNonce(state, id, 2999)).toBe('boot-1');
    expect(aliveBootNonce(state, id, 3000)).toBeUndefined();
    expect(aliveBootNonce(given(), id, 0)).toBeUndefined();
  });

  it('is told apart from another start of itself', () => {
    const state = given(heard(0));
    expect(isOfRegisteredAgent(state, id, 'boot-1')).toBe(true);
    expect(isOfRegisteredAgent(state, id, 'boot-2')).toBe(false);
    expect(isOfRegisteredAgent(given(), id, 'boot-2')).toBe(true);
  });
});

describe('the interval between heartbeats', () => {
  it.each([
    [0, 1000],
    [1000, 1000],
    [1001, 2000],
    [4500, 5000],
  ])('of %d hosts is %d ms', (hosts, intervalMs) => {
    expect(heartbeatIntervalMs(given(), hosts)).toBe(intervalMs);
  });
});
