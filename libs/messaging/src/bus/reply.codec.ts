import { errorCatalogue, Fault, replySchema, type ErrorReport, type Rejection, type Reply } from '@drover/contracts';
import type { Answer } from './messaging.port.js';
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
export function answerOf(subject: string, reply: unknown): Answer {
  const parsed = replySchema.safeParse(reply);
  if (!parsed.success) {
    throw new Fault('UNREADABLE_MESSAGE', 'unknown', `the answer from ${subject} is not a reply`, {
      cause: parsed.error,
    });
  }
  if (parsed.data.ok) return { kind: 'answered', value: parsed.data.value };
  const { kind, error } = parsed.data;
  if (kind === 'rejection') return { kind: 'rejected', rejection: rejectionOf(error) };
  throw new Fault(error.code, error.outcome ?? 'unknown', `${subject} answered: ${error.detail}`, {
    data: error.data ?? {},
  });
}

function rejectionOf(error: ErrorReport): Rejection {
  return {
    code: error.code,
    detail: error.detail,
    ...(error.field === undefined ? {} : { field: error.field }),
    ...(error.data === undefined ? {} : { data: error.data }),
  };
}
