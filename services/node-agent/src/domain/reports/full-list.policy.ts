import type { FullList, ListedDomain, VmId } from '@drover/contracts';

/** Domains in one part: some 200 KiB, so that a part fits a message beside other reports. */
export const DOMAINS_PER_PART = 500;
const BUSY_PER_PART = 2000;

/** The list of all domains in parts that fit a message; one part even when there are none. */
export function fullListParts(domains: readonly ListedDomain[], busy: readonly VmId[]): readonly FullList[] {
  const count = Math.max(1, Math.ceil(domains.length / DOMAINS_PER_PART), Math.ceil(busy.length / BUSY_PER_PART));
  return Array.from({ length: count }, (_, part) => ({
    kind: 'full-list',
    part,
    isLast: part === count - 1,
    domains: domains.slice(part * DOMAINS_PER_PART, (part + 1) * DOMAINS_PER_PART),
    busy: busy.slice(part * BUSY_PER_PART, (part + 1) * BUSY_PER_PART),
  }));
}
