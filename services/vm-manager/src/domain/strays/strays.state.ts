import type { ReportSource, StoredStraysEvent, VmId } from '@drover/contracts';
import { assertNever } from '@drover/domain-kit';

/** The fold of one `strays-*` stream: what one host has of VMs that are not there. */
export interface StraysState {
  /** That are recorded, in the order in which they were found. */
  readonly strays: readonly VmId[];
  /** How many more the host listed. */
  readonly leftOut: number;
  /** The newest list that a fact came from. */
  readonly source?: ReportSource;
}

export const noStrays: StraysState = { strays: [], leftOut: 0 };

export function evolveStrays({ strays, leftOut }: StraysState, event: StoredStraysEvent): StraysState {
  const { source } = event.data;
  switch (event.type) {
    case 'StrayFound':
      return { strays: [...without(strays, event.data.vmId), event.data.vmId], leftOut, source };
    case 'StrayGone':
      return { strays: without(strays, event.data.vmId), leftOut, source };
    case 'StraysLeftOut':
      return { strays, leftOut: event.data.count, source };
    default:
      return assertNever(event);
  }
}

function without(strays: readonly VmId[], gone: VmId): readonly VmId[] {
  return strays.filter((vmId) => vmId !== gone);
}
