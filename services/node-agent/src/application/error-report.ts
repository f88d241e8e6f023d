import { Fault, Rejected, type ErrorReport } from '@drover/contracts';

/** As `errorReportSchema` has it. */
const LONGEST_DETAIL = 4000;

/** What a report says of a failure. Of a defect it says no more than that it was one. */
export function errorReportOf(error: unknown): ErrorReport {
  if (error instanceof Rejected) {
    const { detail, ...rest } = error.rejection;
    return { ...rest, detail: detail.slice(0, LONGEST_DETAIL) };
  }
  if (error instanceof Fault) {
    const { code, data, detail, outcome } = error;
    return {
      ...{ code, outcome, detail: detail.slice(0, LONGEST_DETAIL) },
      ...(Object.keys(data).length === 0 ? {} : { data }),
    };
  }
  return { code: 'INTERNAL', outcome: 'unknown', detail: 'The node agent met a defect; its log has the details.' };
}
