import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import type { HostId } from '@drover/contracts';
import { heartbeatIntervalMs, judge } from './domain/liveness/liveness.policy.js';
import { DEFAULT_LIVENESS, initialLiveness } from './domain/liveness/liveness.state.js';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8').replaceAll(/ +/g, ' ');
const silent = { hostId: 'a' as HostId, isSuspected: false, isHypervisorLost: false, isCloned: false };

/** We listen from 0 on and hear nothing of the host. */
function suspectedAfterMs(hosts: number, stepMs: number): number {
  const state = { ...initialLiveness(DEFAULT_LIVENESS), countsFromMs: 0 };
  let nowMs = 0;
  while (judge(state, [silent], hosts, nowMs).length === 0) nowMs += stepMs;
  return nowMs;
}

it.each([200, 1_000, 2_000, 10_000])('the README has what is true of a fleet of %i hosts', (hosts) => {
  const intervalMs = heartbeatIntervalMs(DEFAULT_LIVENESS, hosts);
  const suspected = suspectedAfterMs(hosts, intervalMs / 10) / 1000;
  expect(readme).toContain(`${hosts.toLocaleString('en')} | ${intervalMs / 1000} s | ${suspected} s |`);
});
