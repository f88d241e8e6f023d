import { z } from 'zod';
import { countSchema, ordinalSchema } from './bounds.schema.js';

const uuid = z
  .string()
  .regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/, 'must be a lower-case UUID');

export const vmIdSchema = uuid.brand<'VmId'>();
export const hostIdSchema = uuid.brand<'HostId'>();
export const operationIdSchema = uuid.brand<'OperationId'>();
export const eventIdSchema = uuid.brand<'EventId'>();
export const commandIdSchema = uuid.brand<'CommandId'>();
export const orderIdSchema = uuid.brand<'OrderId'>();
export const fleetIdSchema = uuid.brand<'FleetId'>();
export const reservationIdSchema = uuid.brand<'ReservationId'>();
/** As libvirt writes the UUID of a domain, which a person may have chosen: of any version. */
export const libvirtUuidSchema = z
  .string()
  .regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, 'must be a UUID as libvirt writes it');
/** Of a thing of any kind that operations work on. */
export const subjectIdSchema = uuid;

/** A VM's UUID; also its libvirt UUID. */
export type VmId = z.infer<typeof vmIdSchema>;
/** A host's UUID, derived from its machine id. */
export type HostId = z.infer<typeof hostIdSchema>;
export type OperationId = z.infer<typeof operationIdSchema>;
export type EventId = z.infer<typeof eventIdSchema>;
export type CommandId = z.infer<typeof commandIdSchema>;
/** Of an order to a host; derived from the event that the order follows from. */
export type OrderId = z.infer<typeof orderIdSchema>;
/** Which Drover installation owns a libvirt domain. */
export type FleetId = z.infer<typeof fleetIdSchema>;
export type ReservationId = z.infer<typeof reservationIdSchema>;

const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** A DNS label (RFC 1123 §2.1): 1 to 63 of `a-z`, `0-9`, `-`, neither first nor last a `-`. */
export const dnsLabelSchema = z
  .string()
  .regex(label, 'must be a DNS label: 1 to 63 of a-z, 0-9 and -, not beginning or ending with -');

/** A VM's name. A UUID is refused, so that a path segment is always either a name or an id. */
export const vmNameSchema = dnsLabelSchema.refine((name) => !uuid.safeParse(name).success, 'must not look like an id');

export const projectIdSchema = dnsLabelSchema.brand<'ProjectId'>();
/** Who owns VMs, volumes and images. `default` exists from the start. */
export type ProjectId = z.infer<typeof projectIdSchema>;
export const DEFAULT_PROJECT = projectIdSchema.parse('default');

/** Whether there is such a project: `default` is the only one so far. */
export function isKnownProject(project: ProjectId): boolean {
  return project === DEFAULT_PROJECT;
}

export const clusterIdSchema = dnsLabelSchema.brand<'ClusterId'>();
export type ClusterId = z.infer<typeof clusterIdSchema>;
export const DEFAULT_CLUSTER = clusterIdSchema.parse('default');

/** The fencing token: (store epoch, how often the VM has been given a host), compared in that order. */
export const generationSchema = z.strictObject({ epoch: ordinalSchema, n: ordinalSchema });
export type Generation = z.infer<typeof generationSchema>;

/** Negative when `a` is older than `b`, 0 when equal, positive when newer. */
export function compareGenerations(a: Generation, b: Generation): number {
  return a.epoch - b.epoch || a.n - b.n;
}

/** (generation, revision of the causing event): which of two orders for one subject is the newer. */
export const orderRankSchema = z.strictObject({ generation: generationSchema, revision: countSchema });
export type OrderRank = z.infer<typeof orderRankSchema>;

export function compareOrderRanks(a: OrderRank, b: OrderRank): number {
  return compareGenerations(a.generation, b.generation) || a.revision - b.revision;
}
