import type { z } from 'zod';
import { actorSchema } from '../events/envelope.schema.js';
import { commandIdSchema, hostIdSchema } from '../ids.schema.js';
import { hostVerbs, type HostVerb } from './host-verbs.schema.js';
import { verbCommands } from './verb.schema.js';

const onHost = { commandId: commandIdSchema, actor: actorSchema, hostId: hostIdSchema };

/** Payloads of `drover.command.host.<kind>`; answered with `CommandAccepted` (no operation: they are done at once). */
export const hostCommandSchemas = verbCommands(hostVerbs, onHost);

export type HostCommand<Verb extends HostVerb = HostVerb> = z.output<(typeof hostCommandSchemas)[Verb]>;
