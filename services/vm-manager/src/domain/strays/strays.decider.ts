import { MAX_STRAYS, type ReportSource, type Stray, type StraysFact, type VmId } from '@drover/contracts';
import type { StraysState } from './strays.state.js';

/** What a host's newest full list says of VMs that are not there. */
export interface ListedStrays {
  /** Those that it lists, or that the host is at work on: of these nothing has gone. */
  readonly there: ReadonlySet<VmId>;
  /** Those that are not recorded, as far as there is room for them. */
  readonly found: readonly Stray[];
  /** How many there is no room for. */
  readonly leftOut: number;
}

/** Which of the VMs that a host lists and that are not there may be recorded, and how many there is no room for. */
export function roomFor(
  state: StraysState,
  listed: readonly VmId[],
  there: ReadonlySet<VmId>,
): { readonly chosen: readonly VmId[]; readonly leftOut: number } {
  const kept = state.strays.filter((vmId) => there.has(vmId));
  const recorded = new Set(kept);
  const others = listed.filter((vmId) => !recorded.has(vmId));
  const chosen = others.slice(0, Math.max(0, MAX_STRAYS - kept.length));
  return { chosen, leftOut: others.length - chosen.length };
}

/** The difference between the strays of a host that are recorded and its newest full list. A list that is not newer changes nothing. */
export function settleStrays(state: StraysState, list: ListedStrays, source: ReportSource): readonly StraysFact[] {
  if (state.source !== undefined && !isNewer(source, state.source)) return [];
  const kept = state.strays.filter((vmId) => list.there.has(vmId));
  const recorded = new Set(kept);
  const others = list.found.filter(({ vmId }) => !recorded.has(vmId));
  const found = others.slice(0, Math.max(0, MAX_STRAYS - kept.length));
  const leftOut = list.leftOut + others.length - found.length;
  const gone = state.strays.filter((vmId) => !recorded.has(vmId));
  return [
    ...gone.map((vmId): StraysFact => ({ type: 'StrayGone', data: { source, vmId } })),
    ...found.map((stray): StraysFact => ({ type: 'StrayFound', data: { source, ...stray } })),
    ...(leftOut === state.leftOut ? [] : [{ type: 'StraysLeftOut', data: { source, count: leftOut } } as const]),
  ];
}

function isNewer(source: ReportSource, known: ReportSource): boolean {
  return source.journalEpoch === known.journalEpoch
    ? source.sequence > known.sequence
    : source.journalEpoch > known.journalEpoch;
}
