/** The `code` of a system error. Asked by shape: in a test runner's own realm such an error is no instance of `Error`. */
export function errorCode(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}
