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
  if (Array.isArray(value)) return `[${value.map((part) => canonical(part ?? null)).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const record = value as Readonly<Record<string, unknown>>;
  const fields: string[] = [];
  for (const name of Object.keys(record).sort()) {
    if (record[name] !== undefined) fields.push(`${JSON.stringify(name)}:${canonical(record[name])}`);
  }
  return `{${fields.join()}}`;
}
