import { errorCatalogue, type ErrorCode } from './catalogue.errors.js';

/** An error as another release wrote it: a code that this one does not know becomes `instead`, and stands in the text. */
export function knownError(error: Readonly<Record<string, unknown>>, instead: ErrorCode): unknown {
  const { code, detail } = error;
  if (typeof code !== 'string' || Object.hasOwn(errorCatalogue, code)) return error;
  return { ...error, code: instead, detail: `${code}: ${String(detail)}`.slice(0, 4000) };
}
