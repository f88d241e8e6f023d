import { errorCatalogue, Fault, type ErrorCode, type Problem, Rejected } from '@drover/contracts';

/** As `problemSchema` has it. */
const LONGEST_DETAIL = 4000;

/** The last part is the anchor of the code's row in `docs/reference/errors.md`. */
const TYPE_BASE = 'urn:drover:error:';

/** What a thrown value is to the caller (RFC 9457). Only faults of the world and refusals say more than their code. */
export function problemOf(error: unknown, requestId: string): Problem {
  if (error instanceof Rejected) {
    const { code, detail, field, data } = error.rejection;
    return {
      ...base(code, detail, requestId),
      ...(field === undefined ? {} : { field }),
      ...(error.fields.length === 0 ? {} : { errors: [...error.fields] }),
      ...(data === undefined ? {} : { data: { ...data } }),
    };
  }
  if (error instanceof Fault) {
    const data = { ...error.data, outcome: error.outcome };
    return { ...base(error.code, error.detail, requestId), data };
  }
  const code = codeOf(error);
  return base(code, code === 'INTERNAL' ? 'the request met a mistake in Drover' : plainDetail(error), requestId);
}

function base(code: ErrorCode, detail: string, requestId: string): Problem {
  const { sentence, httpStatus } = errorCatalogue[code];
  return {
    type: `${TYPE_BASE}${code.toLowerCase().replaceAll('_', '-')}`,
    title: sentence,
    status: httpStatus,
    detail: detail.slice(0, LONGEST_DETAIL),
    code,
    requestId,
  };
}

/** The framework's own errors say what they are by their status; one that is no 4xx is our mistake. */
function codeOf(error: unknown): ErrorCode {
  if (!(error instanceof Error)) return 'INTERNAL';
  const status = 'statusCode' in error ? error.statusCode : 'status' in error ? error.status : undefined;
  if (status === 404) return 'NOT_FOUND';
  if (status === 413) return 'BODY_TOO_LARGE';
  return typeof status === 'number' && status >= 400 && status < 500 ? 'MALFORMED_REQUEST' : 'INTERNAL';
}

function plainDetail(error: unknown): string {
  return error instanceof Error ? error.message.slice(0, 300) : 'the request could not be read';
}
