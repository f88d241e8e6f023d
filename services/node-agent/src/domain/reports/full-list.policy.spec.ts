import { describe, expect, it } from '@jest/globals';
import { fullListSchema, vmIdSchema, type ListedDomain } from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';
import { DOMAINS_PER_PART, fullListParts } from './full-list.policy.js';

const domains = (count: number): ListedDomain[] =>
  Array.from({ length: count }, (_, index) => ({
    libvirtUuid: derivedId('domain', index),
    title: `domain ${index}`,
    powerState: 'RUNNING',
    vcpus: 1,
    memoryMiB: 128,
  }));
const ids = (count: number) => Array.from({ length: count }, (_, index) => vmIdSchema.parse(derivedId('vm', index)));

describe('a full list in parts', () => {
  it('is one empty part for a host without domains', () => {
    expect(fullListParts([], [])).toEqual([{ kind: 'full-list', part: 0, isLast: true, domains: [], busy: [] }]);
  });

  it('names every domain and every busy VM once, in parts of which only the last says so', () => {
    const [all, busy] = [domains(DOMAINS_PER_PART * 2 + 1), ids(4_100)];
    const parts = fullListParts(all, busy);
    for (const part of parts) expect(fullListSchema.safeParse(part).success).toBe(true);
    expect(parts.map(({ part, isLast }) => [part, isLast])).toEqual([
      [0, false],
      [1, false],
      [2, true],
    ]);
    expect(parts.flatMap((part) => part.domains)).toEqual(all);
    expect(parts.flatMap((part) => part.busy)).toEqual(busy);
  });

  it('fits a message with the longest names', () => {
    const long = domains(DOMAINS_PER_PART).map((domain) => ({ ...domain, title: '\u{20AC}'.repeat(200) }));
    const [part] = fullListParts(long, ids(2_000));
    expect(Buffer.byteLength(JSON.stringify(part))).toBeLessThan(1_000_000);
  });
});
