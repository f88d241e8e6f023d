import type { OperationResource } from '@drover/contracts';
import { isPassing, type ApiClient } from './api.client.js';
import { InterruptedError } from './exit-status.js';
import { formatDuration } from './quantities.js';
import { placementFailureIn, renderPlacementFailure } from './output/placement-failure.js';
import { printable } from './output/table.js';
import type { Session } from './session.js';

const POLL_MS = 150;
/** So long without an answer, and it is no longer a pause. */
const PATIENCE_MS = 300_000;

export interface FollowOptions {
  /** Aborted by Ctrl-C. */
  readonly interrupted: AbortSignal;
  readonly pause: (ms: number) => Promise<unknown>;
  readonly nowMs: () => number;
}

type Follower = Pick<Session, 'options'> & { readonly api: Pick<ApiClient, 'get'> };

export function isEnded(operation: OperationResource): boolean {
  return operation.endedAt !== null;
}

/** Follows an operation to its end, with a line of progress on a terminal, and says on Ctrl-C that it goes on. */
export async function follow(session: Session, operationId: string): Promise<OperationResource> {
  const interrupting = new AbortController();
  const interrupt = (): void => interrupting.abort();
  process.once('SIGINT', interrupt);
  try {
    const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
    return await followUntil(session, operationId, { interrupted: interrupting.signal, pause, nowMs: Date.now });
  } finally {
    process.off('SIGINT', interrupt);
  }
}

/** An API that does not answer, or whose read model is behind, is asked again: the operation goes on meanwhile. */
export async function followUntil(
  session: Follower,
  operationId: string,
  { interrupted, pause, nowMs }: FollowOptions,
): Promise<OperationResource> {
  const line = progressLine(session.options.output === 'table' && process.stderr.isTTY);
  let answeredAtMs = nowMs();
  try {
    for (;;) {
      if (interrupted.aborted) throw new InterruptedError(goesOn(operationId));
      try {
        const operation = await readOperation(session.api, operationId);
        if (isEnded(operation)) return operation;
        line.show(describe(operation));
        answeredAtMs = nowMs();
      } catch (error) {
        if (!isPassing(error) || nowMs() - answeredAtMs > PATIENCE_MS) throw error;
      }
      await pause(POLL_MS);
    }
  } finally {
    line.clear();
  }
}

function goesOn(operationId: string): string {
  return `the operation goes on without this command
  follow it: ./drover ctl operations watch ${operationId}
  cancel it: ./drover ctl operations cancel ${operationId}`;
}

export async function readOperation(api: Pick<ApiClient, 'get'>, operationId: string): Promise<OperationResource> {
  return api.get<OperationResource>(`/operations/${encodeURIComponent(operationId)}`);
}

/** How an operation ended, in a sentence; where no host fitted, with the table of what each filter refused. */
export function outcomeSentence(operation: OperationResource): string {
  const what = `${operation.kind} ${operation.subject.name}`;
  const took =
    operation.endedAt === null
      ? ''
      : ` after ${formatDuration(Date.parse(operation.endedAt) - Date.parse(operation.beganAt))}`;
  switch (operation.state) {
    case 'RUNNING':
    case 'CANCELLING':
      return `${what}: ${operation.state.toLowerCase()}`;
    case 'SUCCEEDED':
      return `${what}: done${took}`;
    case 'CANCELLED':
      return `${what}: cancelled${took}${remainder(operation)}`;
    case 'FAILED':
      return (
        `${what}: failed${took} at ${operation.error?.step ?? 'an unknown step'}` +
        `: ${operation.error?.code ?? ''} ${printable(operation.error?.detail)}${remainder(operation)}${whyNoHost(operation)}`
      );
  }
}

/** Below what is said of an operation that found no host; empty for all others. */
export function whyNoHost(operation: OperationResource): string {
  const failure = placementFailureIn(operation.error?.data);
  return failure === undefined ? '' : `\n\n${renderPlacementFailure(failure)}`;
}

function remainder(operation: OperationResource): string {
  const undone = operation.undone.length > 0 ? `\n  undone: ${operation.undone.map(printable).join(', ')}` : '';
  const left = operation.left.length > 0 ? `\n  left behind: ${operation.left.map(printable).join(', ')}` : '';
  return undone + left;
}

function describe(operation: OperationResource): string {
  const progress = operation.progress;
  const since = formatDuration(Date.now() - Date.parse(operation.beganAt));
  const done = progress === null ? '' : ` ${String(progress.percent).padStart(3)}% ${printable(progress.text)}`;
  return `${operation.kind} ${operation.subject.name}${done} (${since})`;
}

function progressLine(isShown: boolean) {
  return {
    show: (text: string) => {
      if (isShown) process.stderr.write(`\r\u001b[K${text.slice(0, process.stderr.columns - 1)}`);
    },
    clear: () => {
      if (isShown) process.stderr.write('\r\u001b[K');
    },
  };
}
