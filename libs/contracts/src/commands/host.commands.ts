import { z } from 'zod';
import { actorSchema } from '../events/envelope.schema.js';
import { clusterIdSchema, commandIdSchema, hostIdSchema } from '../ids.schema.js';
import { labelKeySchema, labelsSchema, resourceNameSchema } from '../vm-spec.schema.js';

/** What each command says besides host and actor: the body of its request. */
export const hostCommandBodies = {
  cordon: z.strictObject({}),
  uncordon: z.strictObject({}),
  /** Labels to set, and keys to take away; all others stay. */
  label: z.strictObject({ set: labelsSchema.default({}), remove: z.array(labelKeySchema).max(64).default([]) }),
  /** Null takes the host out of its zone. */
  zone: z.strictObject({ zone: resourceNameSchema.nullable() }),
  cluster: z.strictObject({ cluster: clusterIdSchema }),
  /** Ends its credentials at once: for a host that may be in other hands. */
  revoke: z.strictObject({}),
  readmit: z.strictObject({}),
} as const;

const onHost = { commandId: commandIdSchema, actor: actorSchema, hostId: hostIdSchema };

/** Payloads of `drover.command.host.<verb>`; answered with `CommandAccepted` (no operation: they are done at once). */
export const hostCommandSchemas = {
  cordon: hostCommandBodies.cordon.extend(onHost),
  uncordon: hostCommandBodies.uncordon.extend(onHost),
  label: hostCommandBodies.label.extend(onHost),
  zone: hostCommandBodies.zone.extend(onHost),
  cluster: hostCommandBodies.cluster.extend(onHost),
  revoke: hostCommandBodies.revoke.extend(onHost),
  readmit: hostCommandBodies.readmit.extend(onHost),
} as const;

export type HostVerb = keyof typeof hostCommandSchemas;
export type HostCommandMessage<Verb extends HostVerb = HostVerb> = z.output<(typeof hostCommandSchemas)[Verb]>;
export type HostCommandBody<Verb extends HostVerb = HostVerb> = z.output<(typeof hostCommandBodies)[Verb]>;
