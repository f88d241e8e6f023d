import { randomUUID } from 'node:crypto';
import { orderIdSchema, DEFAULT_PROJECT, vmIdSchema, type FleetId, type VmId, type VmSpec } from '@drover/contracts';
import type { OwnershipMark, VmDefinition } from '../hypervisor.port.js';

export function definitionOf(spec: VmSpec): VmDefinition {
  const vmId = vmIdSchema.parse(randomUUID());
  return { vmId, projectId: DEFAULT_PROJECT, name: `contract-${vmId.slice(0, 8)}`, spec };
}

export function newMark(fleetId: FleetId, vmId: VmId): OwnershipMark {
  return { fleetId, vmId, generation: { epoch: 1, n: 1 }, lastOrderId: orderIdSchema.parse(randomUUID()) };
}
