import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { CHANGE_MS } from './adapters/outbound/libvirt/domains/domain-power.adapter.js';
import { defaultTimings } from './application/agent-settings.js';
import { QUIET_MS } from './application/session.process.js';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8').replaceAll(/\s+/g, ' ');
const s = (ms: number) => `${ms / 1000} s`;
const { fullListIntervalMs, hypervisorPatienceMs, inventoryIntervalMs, loadIntervalMs } = defaultTimings;

it.each([
  `every ${s(loadIntervalMs)}`,
  `says nothing of it for ${s(QUIET_MS)}`,
  `that its QEMU did not answer in ${s(CHANGE_MS)} is not repeated`,
  `While the hypervisor cannot be reached, a step is tried again for ${s(hypervisorPatienceMs)}`,
  `after each (re)connect of messaging or hypervisor and every ${s(fullListIntervalMs)}`,
  `looked at every ${s(inventoryIntervalMs)}`,
])('the README has the numbers of the code: %s', (sentence) => {
  expect(readme).toContain(sentence);
});
