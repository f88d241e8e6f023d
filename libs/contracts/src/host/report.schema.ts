import { z } from 'zod';
import { countSchema, ordinalSchema, rebootCountSchema, timeSchema, MAX_NUMBER } from '../bounds.schema.js';
import { errorReportSchema } from '../errors/catalogue.errors.js';
import {
  orderIdSchema,
  fleetIdSchema,
  generationSchema,
  hostIdSchema,
  operationIdSchema,
  vmIdSchema,
} from '../ids.schema.js';
import { imageContentsSchema } from '../image-contents.schema.js';
import { imageSubjectSchema, subjectSchema, vmSubjectSchema } from '../subject.schema.js';
import { fullListSchema, MAX_VMS_OF_A_HOST } from './full-list.schema.js';
import { bootNonceSchema } from './heartbeat.schema.js';
import { hostInventorySchema } from './inventory.schema.js';
import { powerStateSchema, settledDefinitionSchema } from './observed-vm.schema.js';

/** Version of the command and report protocols between control plane and agents. N and N-1 work together. */
export const HOST_PROTOCOL_VERSION = 1;

/** What the kernel of a host gives itself at each boot. */
export const hostBootIdSchema = z.string().min(1).max(64);
/** An order that was taken came to its end. */
export const orderFinishedSchema = z.strictObject({
  kind: z.literal('order-finished'),
  orderId: orderIdSchema,
  subject: vmSubjectSchema,
  operationId: operationIdSchema,
  generation: generationSchema,
  revision: countSchema,
  /** As observed after the order, whatever its outcome. */
  powerState: powerStateSchema,
  result: z.discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('done'),
      /** After create and start. */
      definition: settledDefinitionSchema.optional(),
      /** A graceful stop or reboot that had to end by force. */
      wasForced: z.boolean(),
      /** After a delete: what the host could not remove yet, in words. It removes that by itself as soon as it can. */
      left: z.array(z.string().max(500)).max(50).optional(),
    }),
    z.strictObject({
      kind: z.literal('failed'),
      step: z.string().max(100),
      error: errorReportSchema,
      undone: z.array(z.string().max(200)).max(50),
      left: z.array(z.string().max(500)).max(50),
    }),
    /** A newer order for the VM was taken before this one was done. */
    z.strictObject({ kind: z.literal('superseded') }),
  ]),
});

/** The end of an order to inspect an image: what it is, or why the host has no such image. */
export const imageInspectedSchema = z.strictObject({
  kind: z.literal('image-inspected'),
  orderId: orderIdSchema,
  subject: imageSubjectSchema,
  operationId: operationIdSchema,
  result: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('done'), contents: imageContentsSchema }),
    z.strictObject({ kind: z.literal('failed'), error: errorReportSchema }),
  ]),
});

/** The hypervisor said that a VM changed by itself: not by an order of ours that is being carried out. */
export const vmChangedSchema = z.strictObject({
  kind: z.literal('vm-changed'),
  subject: vmSubjectSchema,
  generation: generationSchema,
  powerState: powerStateSchema,
  change: z.enum(['started', 'stopped', 'paused', 'resumed', 'rebooted', 'crashed', 'removed', 'io-error']),
  /** Who, as far as the hypervisor tells: the guest itself, its crash, or somebody outside. */
  cause: z.enum(['guest', 'crash', 'outside', 'host']),
  /** Of `rebooted`: how many reboots since the report before, this one among them. Absent: one. */
  count: rebootCountSchema.optional(),
});

/** A VM as it is, because vm-manager asked. Everything that was reported of it before stands before this in the lane. */
export const vmStateSchema = z.strictObject({
  kind: z.literal('vm-state'),
  subject: vmSubjectSchema,
  /** The order that was asked about. */
  orderId: orderIdSchema,
  /**
   * What the agent is still at with this VM, by every order of it that stands in the journal without an end, the one asked about or
   * another: `undoing` where one takes back what it has done, else `forward`. Absent: nothing.
   */
  underWay: z.enum(['forward', 'undoing']).optional(),
  powerState: powerStateSchema,
  /** Of the domain, where it is of this fleet. */
  generation: generationSchema.optional(),
  /** What the order has settled, where it has come that far. */
  definition: settledDefinitionSchema.optional(),
});

export const vmReportSchema = z.discriminatedUnion('kind', [
  orderFinishedSchema,
  vmChangedSchema,
  vmStateSchema,
  fullListSchema,
  imageInspectedSchema,
]);
export type VmReport = z.infer<typeof vmReportSchema>;
export type ImageInspected = z.infer<typeof imageInspectedSchema>;
export type OrderFinished = z.infer<typeof orderFinishedSchema>;
export type VmChanged = z.infer<typeof vmChangedSchema>;
export type UnderWay = NonNullable<VmStateReport['underWay']>;
export type VmStateReport = z.infer<typeof vmStateSchema>;

/** Payload of `drover.host.<hostId>.report.vm`. */
export const vmLaneMessageSchema = z.discriminatedUnion('kind', [
  /** Sent after registration and after each reconnect, before anything else; answered with the table. */
  z.strictObject({
    kind: z.literal('open'),
    hostId: hostIdSchema,
    journalEpoch: ordinalSchema,
    /** Comes back in the table, so that a table of another day is not taken for the answer. */
    nonce: z.string().min(1).max(64),
    /** Of the newest report made in this lane. Lower than what was heard: the journal is an older copy. Absent from older agents. */
    lastSequence: countSchema.optional(),
    /** What the orders in the journal concern: the table names it also where the store gives this host no such thing any more. */
    underWay: z.array(subjectSchema).max(10_000).optional(),
  }),
  z.strictObject({
    kind: z.literal('reports'),
    hostId: hostIdSchema,
    journalEpoch: ordinalSchema,
    /** In order of sequence, none left out. */
    reports: z
      .array(z.strictObject({ sequence: ordinalSchema, at: timeSchema, report: z.unknown() }))
      .min(1)
      .max(500),
    /** How many more wait in the lane behind these: what the host has seen is not known before they have come. Absent from older agents. */
    waiting: countSchema.optional(),
  }),
]);
export type VmLaneMessage = z.infer<typeof vmLaneMessageSchema>;

const rowsOf = <Id extends z.ZodType>(id: Id) =>
  z.array(z.tuple([id, ordinalSchema, ordinalSchema, countSchema])).max(MAX_VMS_OF_A_HOST);

/**
 * What the store gives this host, and the newest order of each subject: per kind, rows of id, epoch and number of the generation, and
 * revision. Rows and not objects, so that 10,000 of them fit a message. Comes signed.
 */
export const orderTableSchema = z.strictObject({
  kind: z.literal('table'),
  /** Of the question. */
  nonce: z.string().min(1).max(64),
  newest: z.strictObject({ vm: rowsOf(vmIdSchema) }),
});
export type OrderTable = z.infer<typeof orderTableSchema>;

/** Everything up to this sequence is appended or kept as a dead letter; the agent may forget it. */
export const reportsAcknowledgedSchema = z.strictObject({
  kind: z.literal('acknowledged'),
  throughSequence: countSchema,
});
export type ReportsAcknowledged = z.infer<typeof reportsAcknowledgedSchema>;

/** Payload of `drover.host.<hostId>.report.host`. */
export const hostLaneMessageSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('register'),
    hostId: hostIdSchema,
    /** `inventoryDigest` of fleet-model; absent where the hypervisor cannot be heard. Control planes that know it ask for no more. */
    inventoryDigest: z.uuid().max(36).optional(),
    /** Sent where the answer was `inventory-needed`. */
    inventory: hostInventorySchema.optional(),
    /** Made once with the journal file. */
    journalId: z.string().min(1).max(64),
    bootNonce: bootNonceSchema,
    /** Tells a reboot of the host, however short, from a start of the agent alone. Absent from agents that do not tell it. */
    hostBootId: hostBootIdSchema.optional(),
    /** The fleet this agent was given at its first registration; absent before. */
    fleetId: fleetIdSchema.optional(),
    agentVersion: z.string().max(50),
    protocolVersion: ordinalSchema,
    capabilities: z.array(z.string().max(100)).max(100),
    /** Of the newest report made in the host lane. Lower than what was heard: the journal is an older copy. */
    lastSequence: countSchema.optional(),
    /** Newest report of the host lane that waits and is older than the inventory that is told; absent where none waits. */
    reportsThrough: ordinalSchema.optional(),
  }),
  z.strictObject({
    kind: z.literal('reports'),
    hostId: hostIdSchema,
    journalEpoch: ordinalSchema,
    reports: z
      .array(z.strictObject({ sequence: ordinalSchema, at: timeSchema, report: z.unknown() }))
      .min(1)
      .max(100),
  }),
  /** The agent ends by itself and will do nothing more: the next one may register at once. Answered with `left`. */
  z.strictObject({ kind: z.literal('leaving'), hostId: hostIdSchema, bootNonce: bootNonceSchema }),
]);
export type HostLaneMessage = z.infer<typeof hostLaneMessageSchema>;

export const hostReportSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('inventory-changed'), inventory: hostInventorySchema }),
]);
export type HostReport = z.infer<typeof hostReportSchema>;

/** The answer to `leaving`. */
export const leftSchema = z.strictObject({ kind: z.literal('left') });

export const registeredSchema = z.strictObject({
  kind: z.literal('registered'),
  fleetId: fleetIdSchema,
  storeEpoch: ordinalSchema,
  journalEpoch: ordinalSchema,
  heartbeatIntervalMs: z.int().min(100).max(MAX_NUMBER),
  isCordoned: z.boolean(),
});
export type Registered = z.infer<typeof registeredSchema>;

/** The answer to `register`. */
export const registrationAnswerSchema = z.discriminatedUnion('kind', [
  registeredSchema,
  /** The host is not known as the digest describes it: send the inventory with the registration. */
  z.strictObject({ kind: z.literal('inventory-needed') }),
]);
export type RegistrationAnswer = z.infer<typeof registrationAnswerSchema>;

const amount = z.int().min(0).max(1_099_511_627_776);

/** Payload of `drover.host.<hostId>.load`. Never an event. */
export const hostLoadSchema = z.strictObject({
  hostId: hostIdSchema,
  at: timeSchema,
  cpuUsedMillicores: amount,
  memoryUsedMiB: amount,
  /** What running domains that are not ours may use at most, whatever they use now. Absent: not known. */
  foreignMemoryMiB: amount.optional(),
  pools: z.array(z.strictObject({ name: z.string().max(200), capacityMiB: amount, availableMiB: amount })).max(100),
  vms: z.array(z.strictObject({ vmId: vmIdSchema, cpuMillicores: amount, memoryMiB: amount })).max(MAX_VMS_OF_A_HOST),
  /** How much older `vms` is than the rest, where the hypervisor did not answer in time. Absent: as old. */
  vmsAgeMs: amount.optional(),
});
export type HostLoad = z.infer<typeof hostLoadSchema>;

/** Payload of `drover.host.<hostId>.progress`. Not truth. */
export const progressSchema = z.strictObject({
  operationId: operationIdSchema,
  percent: z.int().min(0).max(100),
  text: z.string().max(200),
});
export type Progress = z.infer<typeof progressSchema>;
