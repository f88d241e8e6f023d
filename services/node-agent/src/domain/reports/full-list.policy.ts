import { vmIdSchema, type FullList, type Generation, type ListedDomain, type VmId } from '@drover/contracts';

/** Domains in one part: some 200 KiB, so that a part fits a message together with other reports. */
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

/**
 * Of a process whose domain libvirt has forgotten altogether, only the agent's own journal tells that it is a VM of ours, and of
 * which generation.
 */
export function recognised(
  domains: readonly ListedDomain[],
  generationOf: (vmId: VmId) => Generation | undefined,
): readonly ListedDomain[] {
  return domains.map((domain) => {
    const vmId = vmIdSchema.safeParse(domain.libvirtUuid).data;
    if (domain.ours !== undefined || domain.isUntracked !== true || vmId === undefined) return domain;
    const generation = generationOf(vmId);
    return generation === undefined ? domain : { ...domain, ours: { vmId, generation, fingerprint: '' } };
  });
}

/** VMs of which the list says nothing, though something of theirs is there: nothing may follow from their not being named. */
export function unreadableVms(domains: readonly ListedDomain[]): readonly VmId[] {
  return domains.flatMap(({ libvirtUuid, unreadable }) =>
    unreadable === undefined ? [] : (vmIdSchema.safeParse(libvirtUuid).data ?? []),
  );
}
