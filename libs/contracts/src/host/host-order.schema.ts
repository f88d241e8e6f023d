import { z } from 'zod';
import { countSchema, ordinalSchema } from '../bounds.schema.js';
import { vmVerbNames, vmVerbs, type VmVerb } from '../commands/vm-verbs.schema.js';
import {
  orderIdSchema,
  orderRankSchema,
  generationSchema,
  operationIdSchema,
  projectIdSchema,
  vmNameSchema,
} from '../ids.schema.js';
import { imageNameSchema } from '../image.schema.js';
import {
  imageSubjectSchema,
  subjectSchema,
  vmSubjectSchema,
  type ImageSubject,
  type VmSubject,
} from '../subject.schema.js';
import { vmSpecSchema } from '../vm-spec.schema.js';
import { settledDefinitionSchema, volumeRefSchema } from './observed-vm.schema.js';

/** What every order says; each kind adds its subject. */
const order = {
  /** Follows from the id of the event that caused it: a repeat is recognised. */
  orderId: orderIdSchema,
  operationId: operationIdSchema,
  generation: generationSchema,
  /** Of the causing event in the subject's stream. An agent takes no order older than the last it took for the subject. */
  revision: countSchema,
  /** Not begun later than this after it was received. */
  ttlMs: ordinalSchema,
};

const onVm = { ...order, subject: vmSubjectSchema };

/** What a domain is made from, on any host and at any time. */
const definition = {
  projectId: projectIdSchema,
  name: vmNameSchema,
  spec: vmSpecSchema,
  /** Absent before the first definition. */
  settled: settledDefinitionSchema.optional(),
};

/** What an order says beyond what was asked with its verb. */
const beyond = {
  start: definition,
  delete: {
    /** Of the definition that this host settled: its own journal may be newer than they are. */
    volumes: z.array(volumeRefSchema).max(32).optional(),
  },
};
const beyondOf: Readonly<Partial<Record<VmVerb, z.ZodRawShape>>> = beyond;

type OrderShape<Verb extends VmVerb> = typeof onVm &
  (typeof vmVerbs)[Verb]['asked'] &
  (Verb extends keyof typeof beyond ? (typeof beyond)[Verb] : unknown) & { kind: z.ZodLiteral<Verb> };
type OrderSchema<Verb extends VmVerb> = {
  [Each in Verb]: z.ZodObject<
    OrderShape<Each> extends infer Shape extends z.ZodRawShape ? Shape : never,
    z.core.$strict
  >;
}[Verb];

const ofVerbs = vmVerbNames.map((kind) =>
  z.strictObject({ ...onVm, ...vmVerbs[kind].asked, ...beyondOf[kind], kind: z.literal(kind) }),
) as readonly OrderSchema<VmVerb>[];

/**
 * An order of `drover.host.<hostId>.order`: a create of a VM, one for each of its verbs, and what is asked about images. Those of one subject are carried out one at a time,
 * in their order; subjects do not wait for each other. A delete is also the undo of a create that may have begun: domain and volumes, whatever is there of them.
 */
export const hostOrderSchema = z.discriminatedUnion('kind', [
  /** Volumes, definition and, if asked, start; on failure all of it is undone. */
  z.strictObject({ ...onVm, ...definition, kind: z.literal('create'), powerOn: z.boolean() }),
  ...ofVerbs,
  /** The files of the image of this name are read to the last byte; nothing is changed. */
  z.strictObject({ ...order, subject: imageSubjectSchema, kind: z.literal('inspect-image'), name: imageNameSchema }),
]);
export type HostOrder = z.infer<typeof hostOrderSchema>;
export type VmOrder = Extract<HostOrder, { readonly subject: VmSubject }>;
export type ImageOrder = Extract<HostOrder, { readonly subject: ImageSubject }>;

/**
 * Asks for one VM as it is (safety.md 11, "on request"). Changes nothing and has no place in the sequence of orders; it is answered
 * `taken` once a `vm-state` stands in the agent's VM lane, behind every earlier report of the VM.
 */
export const hostLookSchema = z.strictObject({
  kind: z.literal('look'),
  subject: vmSubjectSchema,
  /** The order whose end is waited for. */
  orderId: orderIdSchema,
});
export type HostLook = z.infer<typeof hostLookSchema>;

/**
 * The newest order of this subject in the agent's journal is not vm-manager's: it is set to what the store says, and nothing else is done.
 * Only where it is the one named: a copy of this message that comes another day lowers nothing.
 */
export const hostLowerSchema = z.strictObject({
  kind: z.literal('lower'),
  subject: subjectSchema,
  from: orderRankSchema,
  to: orderRankSchema,
});
export type HostLower = z.infer<typeof hostLowerSchema>;

/** All that a host may be ordered or asked. */
export const hostRequestSchema = z.discriminatedUnion('kind', [
  ...hostOrderSchema.options,
  hostLookSchema,
  hostLowerSchema,
]);
export type HostRequest = z.infer<typeof hostRequestSchema>;

/** All that comes on `drover.host.<hostId>.order`, signed by vm-manager (`signedSchema`). */
export const sentOrderSchema = z.strictObject({
  /** Of the host's journal that it is made for: to any other it means nothing, so a copy of another day does nothing. */
  journalEpoch: ordinalSchema,
  order: hostRequestSchema,
});
export type SentOrder = z.infer<typeof sentOrderSchema>;

/** The agent's answer. Only `taken` means that the order stands in its journal and will be reported on. */
export const hostOrderAnswerSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('taken') }),
  /** A newer order was taken for this subject before; the answer to `lower` where another order is the newest. */
  z.strictObject({ kind: z.literal('superseded'), newest: orderRankSchema }),
  /** The answer to `lower` while an order above what the newest is to be has not ended, or its end is not acknowledged. Nothing was done. */
  z.strictObject({ kind: z.literal('unsettled'), newest: orderRankSchema }),
  /** The agent's journal is new and it waits for its table of orders. */
  z.strictObject({ kind: z.literal('table-needed') }),
  /** It was made for another journal of this host; nothing was done. The epoch of its journal is told by its registration. */
  z.strictObject({ kind: z.literal('other-journal') }),
  /** Received later than its time to live, by the agent's own clock. */
  z.strictObject({ kind: z.literal('expired') }),
  /** The agent cannot read it, as where vm-manager is of a newer release: sent again it is refused again. Nothing was done. */
  z.strictObject({
    kind: z.literal('refused'),
    code: z.literal('PROTOCOL_UNSUPPORTED'),
    /** Names fields, no values. */
    detail: z.string().max(2000),
  }),
]);
export type HostOrderAnswer = z.infer<typeof hostOrderAnswerSchema>;
