import { z } from 'zod';
import { countSchema, MAX_NUMBER, ordinalSchema } from '../bounds.schema.js';

/** Made anew at each start of an agent. */
export const bootNonceSchema = z.string().min(1).max(64);
/** Why a host's hypervisor cannot be heard, in a few words. */
export const hypervisorFaultSchema = z.string().min(1).max(80);

/** Payload of `drover.host.<hostId>.heartbeat`: at most 200 bytes. */
export const heartbeatSchema = z.strictObject({
  sequence: ordinalSchema,
  bootNonce: bootNonceSchema,
  /** Absent while the hypervisor can be heard. Said in each heartbeat as long as it cannot. */
  hypervisorFault: hypervisorFaultSchema.optional(),
});
export type Heartbeat = z.infer<typeof heartbeatSchema>;

/** The answer to a heartbeat is the host's lease (safety.md 26). */
export const heartbeatAnswerSchema = z.strictObject({
  /** Which ha-manager answers: rises with every change of the active one. */
  term: countSchema,
  sequence: ordinalSchema,
  membershipVersion: countSchema,
  nextIntervalMs: z.int().min(100).max(MAX_NUMBER),
  /** The host is not known to this ha-manager: register again. */
  mustRegister: z.boolean(),
});
export type HeartbeatAnswer = z.infer<typeof heartbeatAnswerSchema>;
