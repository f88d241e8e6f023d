import { ApiError, UnreachableError } from './api.client.js';

/** What the exit status tells a program; also printed by `--help`. */
export const exitStatus = {
  done: 0,
  operationFailed: 1,
  usage: 2,
  refused: 3,
  unavailable: 4,
} as const;

export const exitStatusHelp = `
Exit status: 0 done; 1 the operation failed or was cancelled; 2 the command line is wrong;
3 refused by the API (the message says why); 4 the API cannot be reached or is not ready, try again.`;

/** The sentence and status for whatever a command threw. */
export function explain(error: unknown): { readonly text: string; readonly status: number } {
  if (error instanceof ApiError) {
    const { problem } = error;
    const fields = (problem.errors ?? []).map((entry) => `\n  ${entry.field}: ${entry.detail}`).join('');
    const isOurs = problem.status >= 500;
    const id = isOurs ? `\n  request id: ${problem.requestId}` : '';
    return {
      text: `${problem.code}: ${problem.detail}${fields}\n  ${problem.title}${id}`,
      status: isOurs ? exitStatus.unavailable : exitStatus.refused,
    };
  }
  if (error instanceof UnreachableError) return { text: error.message, status: exitStatus.unavailable };
  return { text: error instanceof Error ? error.message : String(error), status: exitStatus.usage };
}
