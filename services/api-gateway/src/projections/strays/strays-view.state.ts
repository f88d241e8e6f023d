import { streamSubjectId, type HostId, type HostStrays, type StoredStraysEvent, type VmId } from '@drover/contracts';
import { assertNever } from '@drover/domain-kit';

/** The strays of a host after one more event of their stream. */
export function evolveStrays(view: HostStrays | undefined, event: StoredStraysEvent): HostStrays {
  const before = view ?? { id: streamSubjectId(event.stream) as HostId, strays: [], leftOut: 0 };
  switch (event.type) {
    case 'StrayFound': {
      const { source: _, ...stray } = event.data;
      return { ...before, strays: [...without(before, stray.vmId), { ...stray, at: event.recordedAt }] };
    }
    case 'StrayGone':
      return { ...before, strays: without(before, event.data.vmId) };
    case 'StraysLeftOut':
      return { ...before, leftOut: event.data.count };
    default:
      return assertNever(event);
  }
}

/** How many there are, those among them that are only counted. */
export function countOf({ strays, leftOut }: HostStrays): number {
  return strays.length + leftOut;
}

function without({ strays }: HostStrays, gone: VmId): HostStrays['strays'] {
  return strays.filter(({ vmId }) => vmId !== gone);
}
