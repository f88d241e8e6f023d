import { z } from 'zod';
import { ordinalSchema } from '../bounds.schema.js';
import { clusterIdSchema, fleetIdSchema, hostIdSchema } from '../ids.schema.js';
import { hostInventorySchema } from '../host/inventory.schema.js';
import { reportSourceSchema } from './vm.events.js';

export const hostEventSchemas = {
  /** A host joined, came with a new journal (the epoch then counts on), or with another version or other capabilities. */
  HostRegistered: z.strictObject({
    hostId: hostIdSchema,
    clusterId: clusterIdSchema,
    inventory: hostInventorySchema,
    /** Made once with the agent's journal file. */
    journalId: z.string().max(64),
    /** 1 for the first journal of this host, one more for each new journal. */
    journalEpoch: ordinalSchema,
    agentVersion: z.string().max(50),
    protocolVersion: ordinalSchema,
    capabilities: z.array(z.string().max(100)).max(100),
  }),
  HostInventoryChanged: z.strictObject({
    hostId: hostIdSchema,
    inventory: hostInventorySchema,
    /** Absent where the host told at its registration. An older report than the newest one here changes nothing. */
    source: reportSourceSchema.optional(),
  }),
  HostCordoned: z.strictObject({ hostId: hostIdSchema, by: z.enum(['user', 'protocol']) }),
  HostUncordoned: z.strictObject({ hostId: hostIdSchema }),
  /** Silent. Proves nothing; its VMs stay where they are. */
  HostSuspected: z.strictObject({ hostId: hostIdSchema, missedHeartbeats: ordinalSchema }),
  HostReturned: z.strictObject({ hostId: hostIdSchema }),
} as const;

export const clusterEventSchemas = {
  /** The first event of a fleet. The store epoch rises when the store may have lost a tail (safety.md 25). */
  ClusterCreated: z.strictObject({
    clusterId: clusterIdSchema,
    fleetId: fleetIdSchema,
    storeEpoch: ordinalSchema,
  }),
  /** An ha-manager became the active one. Terms only rise, so that of two answers to a heartbeat the newer one is known. */
  ClusterTermBegan: z.strictObject({ clusterId: clusterIdSchema, term: ordinalSchema }),
} as const;
