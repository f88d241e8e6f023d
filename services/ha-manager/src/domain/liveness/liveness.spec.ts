import { describe, expect, it } from '@jest/globals';
import { hostId } from '@drover/fleet-model/testing';
import { agentMayLiveMs, heartbeatIntervalMs, judge, type Member, type Verdict } from './liveness.policy.js';
import { DEFAULT_LIVENESS, evolve, initialLiveness, type LivenessEvent, type LivenessState } from './liveness.state.js';

const policy = { ...DEFAULT_LIVENESS, graceMs: 5000 };
const id = hostId(1);

const tick = (nowMs: number, isListening = true): LivenessEvent => ({ type: 'ClockTicked', nowMs, isListening });
const heard = (heardAtMs: number, nextIntervalMs = 1000): LivenessEvent => ({
  type: 'HeartbeatHeard',
  hostId: id,
  pulse: { heardAtMs, nextIntervalMs },
});
const given = (...events: readonly LivenessEvent[]): LivenessState => events.reduce(evolve, initialLiveness(policy));
const judged = (state: LivenessState, nowMs: number, member: Partial<Member> = {}): readonly Verdict[] =>
  judge(state, [{ hostId: id, isSuspected: false, isHypervisorLost: false, isCloned: false, ...member }], 1, nowMs);

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
    expect(judged(given(tick(-10_000), heard(0)), 60_000, { isSuspected: true })).toEqual([]);
  });
});

describe('a suspected host', () => {
  it('is back when it is heard', () => {
    const silent = given(tick(-10_000), heard(0));
    expect(judged(silent, 5000, { isSuspected: true })).toEqual([]);
    expect(judged(evolve(silent, heard(5000)), 5100, { isSuspected: true })).toEqual([{ kind: 'back', hostId: id }]);
  });
});

describe('the agent that registered last', () => {
  const mayLiveMs = (state: LivenessState, nowMs: number, hosts = 1) => agentMayLiveMs(state, id, hosts, nowMs);

  it('may live until it has been silent for three intervals', () => {
    const state = given(tick(-10_000), heard(0));
    expect(mayLiveMs(state, 0)).toBe(3000);
    expect(mayLiveMs(state, 2999)).toBe(1);
    expect(mayLiveMs(state, 3000)).toBe(0);
  });

  it('may live for a whole lease after a takeover, in which it could have been heard', () => {
    expect(mayLiveMs(given(), 0)).toBe(policy.graceMs + 3000);
    const state = given(tick(0));
    expect(mayLiveMs(state, policy.graceMs + 2999)).toBe(1);
    expect(mayLiveMs(state, policy.graceMs + 3000)).toBe(0);
    // In a fleet of thousands it was told a longer interval.
    expect(mayLiveMs(state, policy.graceMs + 3000, 1000)).toBe(12_000);
  });

  it.each([
    ['our connection was cut', [tick(500, false), tick(60_000)]],
    ['this process stood still', [tick(500), tick(60_000)]],
  ])('may live for a whole lease after %s', (_title, gap) => {
    const state = given(tick(-10_000), heard(0), ...gap);
    expect(mayLiveMs(state, 60_000)).toBe(policy.graceMs + 3000);
  });
});

describe('a second agent with the id of a host', () => {
  const refused = (nowMs: number): LivenessEvent => ({ type: 'ContenderRefused', hostId: id, bootNonce: 'b2', nowMs });
  const registered: LivenessEvent = {
    type: 'AgentRegistered',
    hostId: id,
    pulse: { heardAtMs: 9000, nextIntervalMs: 1000 },
  };
  const cloned = { kind: 'cloned', hostId: id, bootNonce: 'b2' };

  it('is a clone when the registered one is heard long after the refusal', () => {
    const state = given(tick(-10_000), heard(0), refused(500));
    expect(judged(state, 1000)).toEqual([]);
    // It may have been sent before the registered agent ended.
    expect(judged(evolve(state, heard(1500)), 1600)).toEqual([]);
    const proven = evolve(state, heard(1501));
    expect(judged(proven, 1600)).toEqual([cloned]);
    expect(judged(proven, 1600, { isCloned: true })).toEqual([]);
  });

  it('is none when it was admitted after the silence of the other', () => {
    const state = given(tick(-10_000), heard(0), refused(500), registered, heard(9500));
    expect(judged(state, 9600)).toEqual([]);
  });

  it('is gone when it was not refused for ten minutes in which it could have been', () => {
    const tenMinutes = 600_000;
    const state = given(tick(-10_000), refused(0), heard(tenMinutes));
    expect(judged(state, tenMinutes, { isCloned: true })).toEqual([]);
    expect(judged(state, tenMinutes + 1, { isCloned: true })).toEqual([{ kind: 'clone-gone', hostId: id }]);
    const takenOver = given(tick(tenMinutes), heard(tenMinutes + 1));
    expect(judged(takenOver, tenMinutes + 1, { isCloned: true })).toEqual([]);
  });
});

describe('a hypervisor', () => {
  const said = (fault?: string): LivenessEvent => ({
    type: 'HeartbeatHeard',
    hostId: id,
    pulse: { heardAtMs: 0, nextIntervalMs: 1000, hypervisor: { fault } },
  });

  it('is lost while heartbeats say so, and back with the first that does not', () => {
    const lost = given(tick(-10_000), said('no answer'));
    expect(judged(lost, 1)).toEqual([{ kind: 'hypervisor-lost', hostId: id, why: 'no answer' }]);
    expect(judged(lost, 1, { isHypervisorLost: true })).toEqual([]);
    expect(judged(evolve(lost, said()), 1, { isHypervisorLost: true })).toEqual([
      { kind: 'hypervisor-back', hostId: id },
    ]);
  });

  it('is what it was while only the registration was heard', () => {
    const pulse = { heardAtMs: 0, nextIntervalMs: 1000 };
    const after = (...before: LivenessEvent[]) =>
      given(tick(-10_000), ...before, { type: 'AgentRegistered', hostId: id, pulse });
    expect(judged(after(), 1, { isHypervisorLost: true })).toEqual([]);
    expect(judged(after(said('no answer')), 1, { isHypervisorLost: true })).toEqual([]);
  });
});

describe('the interval between heartbeats', () => {
  it.each([
    [0, 1000],
    [200, 1000],
    [201, 2000],
    [2000, 10_000],
    [10_000, 50_000],
  ])('of %d hosts is %d ms', (hosts, intervalMs) => {
    expect(heartbeatIntervalMs(policy, hosts)).toBe(intervalMs);
  });

  it('is the one of the fleet for a host that a new ha-manager has not heard yet', () => {
    const member = { hostId: id, isSuspected: false, isHypervisorLost: false, isCloned: false };
    const silent = (nowMs: number) => judge(given(tick(0)), [member], 10_000, nowMs);
    expect(silent(policy.graceMs + 174_999)).toEqual([]);
    expect(silent(policy.graceMs + 175_000)).toMatchObject([{ kind: 'silent' }]);
  });
});
