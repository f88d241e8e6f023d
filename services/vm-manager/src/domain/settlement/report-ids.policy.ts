import type { EventId, ReportSource, VmFact, VmId } from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';

/** Names a report for ever: what follows from it can be appended twice and stands once. */
export function reportId(source: ReportSource): string {
  return `${source.hostId}/${source.journalEpoch}/${source.sequence}`;
}

/** The id of the `index`-th fact that follows for a VM from a report. */
export function reportEventId(source: ReportSource, vmId: VmId, fact: VmFact, index: number): EventId {
  return derivedId(reportId(source), `${vmId}/${fact.type}/${index}`) as EventId;
}
