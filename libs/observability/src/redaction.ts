const SECRET_NAME =
  /pass(word|phrase|wd)|secret|token|authorization|cookie|credential|private.?key|api.?key|^seed$|user.?data/i;
const MAX_DEPTH = 6;
const MAX_ITEMS = 100;

/**
 * A copy of log fields that is safe to write: values under names that mean secrets are replaced, errors become their
 * message, stack and causes, cycles and great depths are cut.
 *
 * Names are judged, not values: a secret inside a text cannot be told from the text, so texts never hold secrets.
 */
export function redact(value: unknown): unknown {
  return copy(value, 0, new Set());
}

function copy(value: unknown, depth: number, above: Set<object>): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'function' || typeof value === 'symbol') return `[${typeof value}]`;
  if (typeof value !== 'object' || value === null) return value;
  if (above.has(value)) return '[circular]';
  if (depth >= MAX_DEPTH) return '[deep]';
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  above.add(value);
  const copied = value instanceof Error ? copyError(value, depth, above) : copyMembers(value, depth, above);
  above.delete(value);
  return copied;
}

function copyMembers(value: object, depth: number, above: Set<object>): unknown {
  if (Array.isArray(value)) {
    const items = value.slice(0, MAX_ITEMS).map((item) => copy(item, depth + 1, above));
    return value.length > MAX_ITEMS ? [...items, `[${value.length - MAX_ITEMS} more]`] : items;
  }
  const entries =
    value instanceof Map ? [...value].map(([key, item]) => [String(key), item] as const) : Object.entries(value);
  return Object.fromEntries(
    entries.map(([name, item]) => [
      name,
      SECRET_NAME.test(name) && item !== undefined ? '[redacted]' : copy(item, depth + 1, above),
    ]),
  );
}

function copyError(error: Error, depth: number, above: Set<object>): unknown {
  const own = copyMembers(error, depth, above) as Record<string, unknown>;
  return {
    ...own,
    name: error.name,
    message: error.message,
    stack: error.stack,
    ...(error.cause === undefined ? {} : { cause: copy(error.cause, depth + 1, above) }),
  };
}
