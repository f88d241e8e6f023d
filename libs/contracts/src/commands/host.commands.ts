import { z } from 'zod';
import { actorSchema } from '../events/envelope.schema.js';
import { commandIdSchema, hostIdSchema } from '../ids.schema.js';

const onHost = { commandId: commandIdSchema, actor: actorSchema, hostId: hostIdSchema };

/** Payloads of `drover.command.host.<verb>`; answered with `CommandAccepted` (no operation: they are done at once). */
export const hostCommandSchemas = {
  cordon: z.strictObject(onHost),
  uncordon: z.strictObject(onHost),
} as const;

export type HostVerb = keyof typeof hostCommandSchemas;
export type HostCommandMessage<Verb extends HostVerb = HostVerb> = z.output<(typeof hostCommandSchemas)[Verb]>;
