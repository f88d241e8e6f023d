import { z } from 'zod';
import { text, MAX_NUMBER } from '../bounds.schema.js';
import { actorSchema, positionSchema } from '../events/envelope.schema.js';
import {
  commandIdSchema,
  hostIdSchema,
  operationIdSchema,
  projectIdSchema,
  vmIdSchema,
  vmNameSchema,
} from '../ids.schema.js';
import { vmSpecSchema } from '../vm-spec.schema.js';
import { verbCommands } from './verb.schema.js';
import { vmVerbs } from './vm-verbs.schema.js';

const base = {
  /** Derived from (principal, what was asked, `Idempotency-Key`), so that a repeat is recognised. */
  commandId: commandIdSchema,
  actor: actorSchema,
};
const onVm = { ...base, projectId: projectIdSchema, vmId: vmIdSchema };

/** Payloads of `drover.command.vm.<kind>`; each is answered with `CommandAccepted` or a rejection. */
export const vmCommandSchemas = {
  /** VM and operation ids are derived from the command id: repeated, it creates nothing twice. */
  create: z.strictObject({
    kind: z.literal('create'),
    ...base,
    projectId: projectIdSchema,
    name: vmNameSchema,
    spec: vmSpecSchema,
    powerOn: z.boolean(),
  }),
  ...verbCommands(vmVerbs, onVm),
  /** Ends an operation that has not reached its host. */
  cancel: z.strictObject({ kind: z.literal('cancel'), ...onVm, operationId: operationIdSchema }),
} as const;
export type VmCommandKind = keyof typeof vmCommandSchemas;
export type VmCommand<Kind extends VmCommandKind = VmCommandKind> = z.output<(typeof vmCommandSchemas)[Kind]>;

/**
 * Payload of `drover.command.vm.forget-orders`: the newest order that a host's journal holds of the VM is set to what the store
 * says, where it is a newer one, which vm-manager never gave. Answered with `CommandAccepted`; there is no operation.
 */
export const forgetOrdersSchema = z.strictObject({ ...onVm, hostId: hostIdSchema });
export type ForgetOrders = z.output<typeof forgetOrdersSchema>;

/**
 * What the ids of a command's effects are derived with, by `derivedId(commandId, label)`: the VM that a create makes, and the
 * operation that any command but a cancel begins. From the command alone its sender can name them, before and after it is decided.
 */
export const commandEffectLabels = { vm: 'vm', operation: 'operation' } as const;

/** The answer to an accepted command: what to follow, and from which position a read shows it. */
export const commandAcceptedSchema = z.strictObject({
  /** The VM or host the command was for. */
  subjectId: text(128),
  /** Absent where the wish was already so and nothing has to happen. */
  operationId: operationIdSchema.optional(),
  revision: z.int().min(-1).max(MAX_NUMBER),
  position: positionSchema,
});
export type CommandAccepted = z.infer<typeof commandAcceptedSchema>;
