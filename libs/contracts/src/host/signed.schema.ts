import { z } from 'zod';
import { text } from '../bounds.schema.js';

/**
 * What vm-manager has signed for one host: an order, or the table of its VMs. The body is JSON as text, so that what is checked is
 * byte for byte what is read afterwards.
 */
export const signedSchema = z.strictObject({
  body: z.string().max(1_048_576),
  /** Which key of the control plane: the host may know more than one while they are changed. */
  keyId: text(32),
  /** Ed25519, base64. */
  signature: text(100),
});
export type Signed = z.infer<typeof signedSchema>;
