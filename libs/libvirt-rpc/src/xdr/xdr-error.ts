/** A value that cannot be written as its type, or bytes that are not what their type says. */
export class XdrError extends Error {
  override readonly name = 'XdrError';
}

/** Says where inside a structure the error is, outermost field first. */
export function atField(field: string, error: unknown): unknown {
  return error instanceof XdrError
    ? new XdrError(`${field}: ${error.message}`, { cause: error.cause ?? error })
    : error;
}
