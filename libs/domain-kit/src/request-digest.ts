import { hash } from 'node:crypto';

/**
 * What a command asks, as 32 hexadecimal digits: the same for two commands that ask the same, regardless of who sends them and when.
 *
 * It is kept with what the command caused, so that an `Idempotency-Key` that comes again with another request is noticed.
 */
export function requestDigest(command: object): string {
  const asked = Object.entries(command).filter(([name]) => name !== 'commandId' && name !== 'actor');
  return hash('sha256', canonical(Object.fromEntries(asked)), 'hex').slice(0, 32);
}

/** JSON with the names of each object in order; what is undefined is not there. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_name, part: unknown) => (isPlain(part) ? inOrder(part) : part));
}

function isPlain(part: unknown): part is Record<string, unknown> {
  return typeof part === 'object' && part !== null && !Array.isArray(part);
}

function inOrder(record: Record<string, unknown>): Record<string, unknown> {
  const entries = Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
  // Names such as `constructor` are entries like all others.
  return Object.fromEntries(entries);
}
