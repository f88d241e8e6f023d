import { z } from 'zod';
import { countSchema, ordinalSchema, numbersByName, rebootCountSchema } from '../bounds.schema.js';
import {
  orderRankSchema,
  generationSchema,
  hostIdSchema,
  projectIdSchema,
  reservationIdSchema,
  vmIdSchema,
  vmNameSchema,
} from '../ids.schema.js';
import { errorCodeSchema } from '../errors/catalogue.errors.js';
import { excludedHostSchema, scoreSchema } from '../placement.schema.js';
import { powerStateSchema, settledDefinitionSchema } from '../host/observed-vm.schema.js';
import { vmSpecSchema } from '../vm-spec.schema.js';
import { vmWishSchemas } from './vm-wish.events.js';

/**
 * Where an observed fact came from: the host's report, by the agent's journal epoch and sequence. A report with an older
 * pair changes nothing (safety.md 12).
 */
export const reportSourceSchema = z.strictObject({
  hostId: hostIdSchema,
  journalEpoch: ordinalSchema,
  sequence: countSchema,
});
export type ReportSource = z.infer<typeof reportSourceSchema>;

const observed = {
  hostId: hostIdSchema,
  generation: generationSchema,
  source: reportSourceSchema,
};

/** Why a power state changed. `outside`: by somebody else's tool on the host. */
export const powerCauseSchema = z.enum(['user', 'guest', 'crash', 'outside', 'host', 'fence', 'lost-host']);
export type PowerCause = z.infer<typeof powerCauseSchema>;

/**
 * How a host and the store differ, beyond a power state. `untracked-process`: a process of the VM runs that its host's libvirt does
 * not know. `autostart`: somebody set the VM to start with its host; the agent has cleared that.
 * `volume-missing`, `volume-size`: a volume of the VM is not there, or is not as large as it was made.
 */
export const driftKindSchema = z.enum([
  'missing',
  'edited',
  'unknown',
  'superseded-copy',
  'untracked-process',
  'autostart',
  'volume-missing',
  'volume-size',
]);
export type DriftKind = z.infer<typeof driftKindSchema>;

export const vmEventSchemas = {
  VmRequested: z.strictObject({
    vmId: vmIdSchema,
    projectId: projectIdSchema,
    name: vmNameSchema,
    spec: vmSpecSchema,
    /** Whether the VM is to run once it is there. */
    powerOn: z.boolean(),
  }),
  VmPlaced: z.strictObject({
    hostId: hostIdSchema,
    generation: generationSchema,
    reservationId: reservationIdSchema,
    score: scoreSchema,
    /** Next best hosts, best first. */
    runnersUp: z.array(z.strictObject({ hostId: hostIdSchema, score: scoreSchema })).max(5),
  }),
  VmPlacementFailed: z.strictObject({
    /** Hosts excluded, per filter. */
    counts: numbersByName(countSchema),
    /** The hosts that came nearest, with the filter and the numbers. */
    nearest: z.array(excludedHostSchema).max(20),
    /** The host that had been chosen refused, and has nothing of the VM. Absent: no host was found. */
    refused: z
      .strictObject({
        hostId: hostIdSchema,
        step: z.string().max(100),
        code: errorCodeSchema,
        detail: z.string().max(500),
      })
      .optional(),
  }),
  /** As libvirt settled it; kept at every later definition on any host. */
  VmDefined: z.strictObject({ ...observed, definition: settledDefinitionSchema }),
  /** `VmStartRequested` and the other wishes, by the table of verbs. */
  ...vmWishSchemas,
  VmStarted: z.strictObject({ ...observed, cause: powerCauseSchema }),
  VmStopped: z.strictObject({
    ...observed,
    cause: powerCauseSchema,
    /** A graceful stop that had to end by force. */
    wasForced: z.boolean(),
  }),
  VmPaused: z.strictObject({ ...observed, cause: powerCauseSchema, isIoError: z.boolean() }),
  VmResumed: z.strictObject({ ...observed, cause: powerCauseSchema }),
  VmRebooted: z.strictObject({
    ...observed,
    cause: powerCauseSchema,
    /** How many reboots since the event before, this one among them: a guest that reboots without end has one event a minute. */
    count: rebootCountSchema.optional(),
  }),
  VmReset: z.strictObject({ ...observed, cause: powerCauseSchema }),
  /** Domain and volumes are gone; the name is free. `source` is absent where the VM never reached a host. */
  VmDeleted: z.strictObject({ source: reportSourceSchema.optional() }),
  /** The host's full list and the store differ, beyond a power state; for a person to settle. */
  VmDriftFound: z.strictObject({
    source: reportSourceSchema,
    hostId: hostIdSchema,
    kind: driftKindSchema,
    /** What was seen, in words; no XML. */
    detail: z.string().max(1000),
    powerState: powerStateSchema.optional(),
  }),
  /** By an operator: the newest order in the host's journal, which the store never gave, is to be lowered. */
  VmOrderLoweringRequested: z.strictObject({ hostId: hostIdSchema, from: orderRankSchema, to: orderRankSchema }),
  VmDriftSettled: z.strictObject({
    source: reportSourceSchema,
    hostId: hostIdSchema,
    kind: driftKindSchema,
  }),
} as const;
