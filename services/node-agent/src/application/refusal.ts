import { errorCatalogue, Fault, type ErrorReport, type Rejection } from '@drover/contracts';

/** The rules of the host say no to a step. Never leaves the agent: a report carries it as an error. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly rejection: Rejection;

  constructor(rejection: Rejection) {
    super(`${rejection.code}: ${rejection.detail}`);
    this.rejection = rejection;
  }
}

/** What a report says of a failure. Of a defect it says no more than that it was one. */
export function errorReportOf(error: unknown): ErrorReport {
  if (error instanceof Refusal) {
    const { code, data, detail, field } = error.rejection;
    return { code, detail, ...(field === undefined ? {} : { field }), ...(data === undefined ? {} : { data }) };
  }
  if (!(error instanceof Fault)) {
    return { code: 'INTERNAL', outcome: 'unknown', detail: 'The node agent met a defect; its log has the details.' };
  }
  const { code, data, message, outcome } = error;
  const detail = (message.startsWith(`${code}: `) ? message.slice(code.length + 2) : message).slice(0, 4000);
  return {
    code,
    ...(errorCatalogue[code].kind === 'fault' || outcome === 'unknown' ? { outcome } : {}),
    detail,
    ...(Object.keys(data).length === 0 ? {} : { data }),
  };
}
