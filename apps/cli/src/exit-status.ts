import { ApiError, UnreachableError } from './api.client.js';
import { printable } from './output/table.js';

/** What the exit status tells a program; also printed by `--help`. */
export const exitStatus = {
  done: 0,
  operationFailed: 1,
  usage: 2,
  refused: 3,
  unavailable: 4,
  interrupted: 130,
} as const;

export const exitStatusHelp = `
Exit status: 0 done; 1 the operation failed or was cancelled; 2 the command line is wrong;
3 refused by the API (the message says why); 4 the API cannot be reached or is not ready, try again;
130 interrupted (an operation that was begun goes on).`;

/** Somebody pressed Ctrl-C; the message says what goes on without us. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError';
}

/** The sentence and status for whatever a command threw. */
export function explain(error: unknown): { readonly text: string; readonly status: number } {
  if (error instanceof ApiError) {
    const { problem } = error;
    const isOurs = problem.status >= 500;
    const lines = [
      `${problem.code}: ${whatIsWrong(error)}`,
      `  ${printable(problem.title)}`,
      ...(isOurs ? [`  request id: ${printable(problem.requestId)}`] : []),
    ];
    return { text: lines.join('\n'), status: isOurs ? exitStatus.unavailable : exitStatus.refused };
  }
  if (error instanceof UnreachableError) return { text: error.message, status: exitStatus.unavailable };
  if (error instanceof InterruptedError) return { text: error.message, status: exitStatus.interrupted };
  return { text: error instanceof Error ? error.message : String(error), status: exitStatus.usage };
}

/** Each field once, as the person wrote it; else the one sentence of the problem. */
function whatIsWrong({ problem, hint }: ApiError): string {
  const fields = problem.errors ?? [];
  const said =
    fields.length === 0
      ? [printable(problem.detail)]
      : fields.map(({ field, detail }) => `${wordFor(field)}: ${printable(withoutField(field, detail))}`);
  return [...said, ...(hint === undefined ? [] : [printable(hint)])].join('\n  ');
}

function withoutField(field: string, detail: string): string {
  return detail.startsWith(`${field}: `) ? detail.slice(field.length + 2) : detail;
}

/** What a field of the API is called on the command line. */
const words: readonly (readonly [field: RegExp, word: string])[] = [
  [/^\/name$|^\{vm\}$/, 'NAME'],
  [/^\{host\}$/, 'HOST'],
  [/^\{operation\}$/, 'ID'],
  [/^\/spec\/cpu\/.*/, '--cpus'],
  [/^\/spec\/memory\/.*/, '--memory'],
  [/^\/spec\/disks\/\d+\/image$/, '--image'],
  [/^\/spec\/disks\/\d+\/sizeMiB$/, '--disk'],
  [/^\/spec\/nics\/\d+\/network$/, '--network'],
  [/^\/spec\/labels(\/.*)?$/, '--label'],
  [/^\/spec\/placement\/hostId$/, '--host'],
  [/^\/spec\/placement\/(zone|policy)$/, '--$1'],
  [/^\/gracePeriodMs$/, '--grace'],
  [/^\?labels$/, '--label'],
  [/^\?vm$/, 'VM'],
  [/^[/?](\w+)$/, '--$1'],
];

export function wordFor(field: string): string {
  const known = words.find(([pattern]) => pattern.test(field));
  return known === undefined ? printable(field) : field.replace(...known);
}
