import { z } from 'zod';
import { countSchema, cpusSchema, ordinalSchema } from '../bounds.schema.js';
import { clusterIdSchema, fleetIdSchema, hostIdSchema } from '../ids.schema.js';
import { hostInventorySchema } from '../host/inventory.schema.js';
import { bootNonceSchema, hypervisorFaultSchema } from '../host/heartbeat.schema.js';
import { hostBootIdSchema } from '../host/report.schema.js';
import { labelsSchema, resourceNameSchema } from '../vm-spec.schema.js';
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
    /** Of the agent that registered: told apart from a clone of its machine, also by the next ha-manager. */
    bootNonce: bootNonceSchema,
    /** Of the host's kernel, where the agent tells it. */
    hostBootId: hostBootIdSchema.optional(),
  }),
  /** The machine has booted since its agent registered last: nothing runs there of what ran before. */
  HostRebooted: z.strictObject({ hostId: hostIdSchema, hostBootId: hostBootIdSchema }),
  /** The agent was started anew and registered; all else is as it was. */
  HostAgentStarted: z.strictObject({ hostId: hostIdSchema, bootNonce: bootNonceSchema }),
  /** The agent said that it ends: the next one need not wait until this one's silence is proven. */
  HostAgentStopped: z.strictObject({ hostId: hostIdSchema, bootNonce: bootNonceSchema }),
  /** A second machine speaks with this host's id while the agent that registered is alive, and was refused (safety.md 14). */
  HostCloneRefused: z.strictObject({ hostId: hostIdSchema, bootNonce: bootNonceSchema }),
  /** The second machine has not been heard for a while. */
  HostCloneGone: z.strictObject({ hostId: hostIdSchema }),
  HostInventoryChanged: z.strictObject({
    hostId: hostIdSchema,
    inventory: hostInventorySchema,
    /** Where the host now says that it has more than before: what it had. */
    grewFrom: z.strictObject({ cpuCount: cpusSchema, memoryMiB: countSchema }).optional(),
    /** Absent where the host told at its registration. An older report than the newest one here changes nothing. */
    source: reportSourceSchema.optional(),
  }),
  HostCordoned: z.strictObject({ hostId: hostIdSchema, by: z.enum(['user', 'protocol']) }),
  HostUncordoned: z.strictObject({ hostId: hostIdSchema }),
  /** Silent. Proves nothing; its VMs stay where they are. */
  HostSuspected: z.strictObject({ hostId: hostIdSchema, missedHeartbeats: ordinalSchema }),
  HostReturned: z.strictObject({ hostId: hostIdSchema }),
  /** The agent answers, its hypervisor does not: nothing can be done there and nothing is known of its VMs. */
  HostHypervisorLost: z.strictObject({ hostId: hostIdSchema, why: hypervisorFaultSchema }),
  HostHypervisorReturned: z.strictObject({ hostId: hostIdSchema }),
  /** All labels that the host has from now on. Labels, zone and cluster are an operator's word, never the host's. */
  HostLabelsChanged: z.strictObject({ hostId: hostIdSchema, labels: labelsSchema }),
  /** Null: the host is in no zone. */
  HostZoneChanged: z.strictObject({ hostId: hostIdSchema, zone: resourceNameSchema.nullable() }),
  /** By an operator: the host is cut off from the bus and placed nothing more on. Its VMs are left alone. */
  HostCredentialsRevoked: z.strictObject({ hostId: hostIdSchema }),
  /** By an operator: the host gets new credentials; those that were revoked stay so. */
  HostReadmitted: z.strictObject({ hostId: hostIdSchema }),
  HostClusterChanged: z.strictObject({ hostId: hostIdSchema, clusterId: clusterIdSchema }),
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
