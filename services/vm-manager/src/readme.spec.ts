import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { FIRST_RETRY_MS, HEARD_MS, LONGEST_RETRY_MS, LONGEST_UNHEARD_RETRY_MS } from '@drover/operations';
import { PLACEMENT_MS, RESERVATION_MS } from './application/vm-operations.process.js';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8').replaceAll(/\s+/g, ' ');
const s = (ms: number) => `${ms / 1000} s`;

it.each([
  `a placement is appended within ${s(PLACEMENT_MS)} of the ${s(RESERVATION_MS)} it is held`,
  `${s(FIRST_RETRY_MS)} to ${s(LONGEST_RETRY_MS)} apart, up to ${s(LONGEST_UNHEARD_RETRY_MS)} while the host is not heard`,
  `a message of its VM lane was settled in the last ${s(HEARD_MS)}`,
])('the README has the numbers of the code: %s', (sentence) => {
  expect(readme).toContain(sentence);
});
