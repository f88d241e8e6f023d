import { subjectIdSchema } from '@drover/contracts';
import { refuseField } from '../../application/refuse-field.js';

/** A cursor tells a page's last thing by its id, which never changes: opaque to clients, checked when it comes back. */
export function encodeCursor(id: string): string {
  return Buffer.from(id).toString('base64url');
}

export function decodeCursor(cursor: string): string {
  const id = subjectIdSchema.safeParse(Buffer.from(cursor, 'base64url').toString('utf8'));
  return id.success ? id.data : refuseCursor();
}

export function refuseCursor(): never {
  return refuseField('?after', 'must be a cursor as a page of this list gave it');
}
