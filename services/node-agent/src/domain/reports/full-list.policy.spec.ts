import { describe, expect, it } from '@jest/globals';
import { fullListSchema, vmIdSchema, type ListedDomain } from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';
import { DOMAINS_PER_PART, fullListParts, recognised, unreadableVms } from './full-list.policy.js';

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

describe('a full list of odd things', () => {
  const vmId = vmIdSchema.parse(derivedId('vm', 'odd'));
  const process = { libvirtUuid: vmId, title: 't', powerState: 'UNRESPONSIVE', vcpus: 1, memoryMiB: 32 } as const;
  const generation = { epoch: 1, n: 2 };

  it('knows a VM whose domain libvirt has forgotten by the journal', () => {
    const forgotten = { ...process, isUntracked: true };
    expect(recognised([forgotten], () => generation)).toMatchObject([{ ours: { vmId, generation, fingerprint: '' } }]);
    expect(recognised([forgotten], () => undefined)).toEqual([forgotten]);
    expect(recognised([process], () => generation)).toEqual([process]);
  });

  it('says nothing of a VM whose domain cannot be read', () => {
    expect(unreadableVms([{ ...process, unreadable: 'not a <domain>' }, process])).toEqual([vmId]);
  });
});
