import { dnsLabelSchema, hostIdSchema, operationIdSchema, timeSchema, vmIdSchema } from '@drover/contracts';
import { z } from 'zod';
import { Refused } from '../../application/refused.js';

export const vmCursor = z.tuple([dnsLabelSchema, dnsLabelSchema, vmIdSchema]);
export const operationCursor = z.tuple([timeSchema, operationIdSchema]);
/** By the id alone: the name that a host is sorted by is its own word and may change. */
export const hostCursor = z.tuple([hostIdSchema]);

/** A cursor tells a page's last row: opaque to clients, checked when it comes back. */
export function encodeCursor(key: readonly string[]): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

export function decodeCursor<Key>(cursor: string, key: z.ZodType<Key>): Key {
  const parsed = key.safeParse(jsonIn(cursor));
  if (parsed.success) return parsed.data;
  const detail = 'must be a cursor as a page of this list gave it';
  throw new Refused({ code: 'INVALID_FIELD', detail, field: '?after' }, [{ field: '?after', detail }]);
}

function jsonIn(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    // No cursor of ours: refused like any other value that does not fit.
    return undefined;
  }
}
