import type { OperationResource } from '@drover/contracts';
import type { ApiClient } from './api.client.js';
import { formatDuration } from './quantities.js';
import { printable } from './output/table.js';
import type { Session } from './session.js';

const POLL_MS = 150;

export function isEnded(operation: OperationResource): boolean {
  return operation.endedAt !== null;
}

/** Follows an operation to its end, with a line of progress on a terminal. */
export async function follow(session: Session, operationId: string): Promise<OperationResource> {
  const line = progressLine(session.options.output === 'table' && process.stderr.isTTY);
  try {
    for (;;) {
      const operation = await readOperation(session.api, operationId);
      if (isEnded(operation)) return operation;
      line.show(describe(operation));
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  } finally {
    line.clear();
  }
}

export async function readOperation(api: ApiClient, operationId: string): Promise<OperationResource> {
  return api.get<OperationResource>(`/operations/${encodeURIComponent(operationId)}`);
}

/** How an operation ended, in a sentence. */
export function outcomeSentence(operation: OperationResource): string {
  const what = `${operation.kind} ${operation.vm.name}`;
  const took =
    operation.endedAt === null
      ? ''
      : ` after ${formatDuration(Date.parse(operation.endedAt) - Date.parse(operation.beganAt))}`;
  switch (operation.state) {
    case 'RUNNING':
    case 'CANCELLING':
      return `${what}: ${operation.state.toLowerCase()}`;
    case 'SUCCEEDED':
      return `${what}: done${took}${remainder(operation)}`;
    case 'CANCELLED':
      return `${what}: cancelled${took}${remainder(operation)}`;
    case 'FAILED':
      return (
        `${what}: failed${took} at ${operation.error?.step ?? 'an unknown step'}` +
        `: ${operation.error?.code ?? ''} ${printable(operation.error?.detail)}${remainder(operation)}`
      );
  }
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
  return `${operation.kind} ${operation.vm.name}${done} (${since})`;
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
