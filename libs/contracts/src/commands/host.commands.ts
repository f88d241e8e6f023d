import { z } from 'zod';
import { actorSchema } from '../events/envelope.schema.js';
import { commandIdSchema, hostIdSchema } from '../ids.schema.js';
import { hostVerbNames, hostVerbs, type HostVerb } from './host-verbs.schema.js';

const onHost = { commandId: commandIdSchema, actor: actorSchema, hostId: hostIdSchema };

type OnHost = {
  readonly [Verb in HostVerb]: z.ZodObject<
    { kind: z.ZodLiteral<Verb> } & typeof onHost & (typeof hostVerbs)[Verb]['asked'] extends infer Shape extends
      z.ZodRawShape
      ? Shape
      : never,
    z.core.$strict
  >;
};

/** Payloads of `drover.command.host.<kind>`; answered with `CommandAccepted` (no operation: they are done at once). */
export const hostCommandSchemas = Object.fromEntries(
  hostVerbNames.map((kind) => [kind, z.strictObject({ kind: z.literal(kind), ...onHost, ...hostVerbs[kind].asked })]),
) as OnHost;

export type HostCommand<Verb extends HostVerb = HostVerb> = z.output<(typeof hostCommandSchemas)[Verb]>;
