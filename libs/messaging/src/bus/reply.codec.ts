import {
  answered,
  errorCatalogue,
  errors,
  Fault,
  isRejectionCode,
  readReply,
  Rejected,
  rejected,
  rejectionFrom,
  type Answer,
  type ErrorReport,
  type Reply,
} from '@drover/contracts';
import { UnreadableMessage } from './read-message.js';

/** The reply that tells the asker what a handler returned. */
export function replyOf(answer: Answer): Reply {
  if (answer.kind === 'answered') return { ok: true, value: answer.value ?? null };
  return { ok: false, kind: 'rejection', error: answer.rejection };
}

/** The reply that tells the asker what a handler threw. Details for the log stay here; the asker gets the operator's text. */
export function replyOfFailure(error: unknown): Reply {
  if (error instanceof UnreadableMessage) {
    const report: ErrorReport = { code: 'UNREADABLE_MESSAGE', outcome: 'not-applied', detail: error.message };
    return { ok: false, kind: 'defect', error: report };
  }
  if (error instanceof Rejected) return replyOf(rejected(error.rejection));
  if (error instanceof Fault) {
    const { code, outcome, data } = error;
    const kind = errorCatalogue[code].kind === 'defect' ? 'defect' : 'fault';
    return { ok: false, kind, error: { code, outcome, detail: errorCatalogue[code].sentence, data: { ...data } } };
  }
  return {
    ok: false,
    kind: 'defect',
    error: { code: 'INTERNAL', outcome: 'unknown', detail: errorCatalogue.INTERNAL.sentence },
  };
}

/** What a reply means to the asker; throws the fault or defect it reports. */
export function answerIn(subject: string, reply: unknown): Answer {
  const parsed = readReply(reply);
  if (!parsed.success) {
    throw errors.UNREADABLE_MESSAGE('unknown', `the answer from ${subject} is not a reply`, { cause: parsed.error });
  }
  if (parsed.data.ok) return answered(parsed.data.value);
  const { kind, error } = parsed.data;
  const rejection = rejectionFrom(error);
  if (rejection !== undefined && kind === 'rejection') return rejected(rejection);
  if (rejection !== undefined || kind === 'rejection' || isRejectionCode(error.code)) {
    throw errors.UNREADABLE_MESSAGE('unknown', `the answer from ${subject} is a ${kind} with the code ${error.code}`);
  }
  throw new Fault(error.code, error.outcome ?? 'unknown', `${subject} answered: ${error.detail}`, {
    data: error.data ?? {},
  });
}
