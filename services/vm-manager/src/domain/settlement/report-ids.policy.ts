import { reportSourceSchema, type EventId, type ReportSource, type VmFact, type VmId } from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';

/** Names a report for ever: what follows from it can be appended twice and stands once. */
export function reportId(source: ReportSource): string {
  return `${source.hostId}/${source.journalEpoch}/${source.sequence}`;
}

/** The report that has this name; undefined where it is no name of a report. */
export function reportOf(id: string): ReportSource | undefined {
  const [hostId, journalEpoch, sequence, ...more] = id.split('/');
  if (more.length > 0) return undefined;
  return reportSourceSchema.safeParse({ hostId, journalEpoch: Number(journalEpoch), sequence: Number(sequence) }).data;
}

/** The id of the `index`-th fact that follows for a VM from a report. */
export function reportEventId(source: ReportSource, vmId: VmId, fact: VmFact, index: number): EventId {
  return derivedId(reportId(source), `${vmId}/${fact.type}/${index}`) as EventId;
}
