import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { hostId } from '@drover/fleet-model/testing';
import { judge } from './liveness.policy.js';
import { DEFAULT_LIVENESS, evolve, initialLiveness } from './liveness.state.js';

const TICK_MS = 250;
const id = hostId(1);
const member = { hostId: id, isSuspected: false, isHypervisorLost: false, isCloned: false };
const ticks = fc.array(fc.record({ isListening: fc.boolean(), isHeard: fc.boolean() }), { maxLength: 200 });

describe('liveness', () => {
  it('never suspects a host while its heartbeats arrive in time, whatever else happens', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 100, max: 3000 }), { minLength: 1, maxLength: 60 }),
        fc.array(fc.boolean(), { minLength: 1, maxLength: 20 }),
        (gapsMs, listening) => {
          let state = evolve(initialLiveness(DEFAULT_LIVENESS), { type: 'ClockTicked', nowMs: 0, isListening: true });
          let nowMs = 0;
          gapsMs.forEach((gapMs, index) => {
            nowMs += gapMs;
            const isListening = listening[index % listening.length] ?? true;
            state = evolve(state, { type: 'ClockTicked', nowMs, isListening });
            expect(judge(state, [member], 1, nowMs)).toEqual([]);
            const pulse = { heardAtMs: nowMs, nextIntervalMs: 1000 };
            state = evolve(state, { type: 'HeartbeatHeard', hostId: id, pulse });
          });
        },
      ),
    );
  });

  it('suspects a host only after three intervals in which it could have been heard and was not', () => {
    fc.assert(
      fc.property(ticks, (steps) => {
        let state = initialLiveness(DEFAULT_LIVENESS);
        let silentAndHearableMs = 0;
        steps.forEach(({ isListening, isHeard }, index) => {
          const nowMs = index * TICK_MS;
          state = evolve(state, { type: 'ClockTicked', nowMs, isListening });
          silentAndHearableMs = isListening ? silentAndHearableMs + TICK_MS : 0;
          const verdicts = judge(state, [member], 1, nowMs);
          if (verdicts.length > 0) expect(silentAndHearableMs).toBeGreaterThanOrEqual(3000);
          if (isListening && isHeard) {
            silentAndHearableMs = 0;
            const pulse = { heardAtMs: nowMs, nextIntervalMs: 1000 };
            state = evolve(state, { type: 'HeartbeatHeard', hostId: id, pulse });
          }
        });
      }),
    );
  });

  it('suspects a host that stays silent while we listen, without fail', () => {
    fc.assert(
      fc.property(ticks, (steps) => {
        let state = initialLiveness(DEFAULT_LIVENESS);
        let nowMs = 0;
        for (const { isListening, isHeard } of steps) {
          nowMs += TICK_MS;
          state = evolve(state, { type: 'ClockTicked', nowMs, isListening });
          const pulse = { heardAtMs: nowMs, nextIntervalMs: 1000 };
          if (isListening && isHeard) state = evolve(state, { type: 'HeartbeatHeard', hostId: id, pulse });
        }
        const endMs = nowMs + DEFAULT_LIVENESS.graceMs + 4000;
        for (; nowMs <= endMs; nowMs += TICK_MS) {
          state = evolve(state, { type: 'ClockTicked', nowMs, isListening: true });
        }
        expect(judge(state, [member], 1, nowMs)).toMatchObject([{ kind: 'silent' }]);
      }),
    );
  });
});
