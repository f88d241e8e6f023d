import { fleetIdSchema, type HostFact, type HostInventory } from '@drover/contracts';
import { inventoryDigest } from '@drover/fleet-model';
import { anInventory, hostId } from '@drover/fleet-model/testing';
import type { Registration } from '../domain/membership/registration.decider.js';
import { evolve, type HostState } from '../domain/membership/host.state.js';

export const aFleet = fleetIdSchema.parse('00000006-0000-7000-8000-000000000001');
export const anotherFleet = fleetIdSchema.parse('00000006-0000-7000-8000-000000000002');

/** What the agent of host 1 says when it registers. */
export function aRegistration(
  changes: Partial<Registration> = {},
  inventory: Partial<HostInventory> = {},
): Registration {
  return {
    hostId: hostId(1),
    inventory: anInventory(inventory),
    inventoryDigest: inventoryDigest(anInventory(inventory)),
    journalId: 'journal-1',
    bootNonce: 'boot-1',
    agentVersion: '1.0.0',
    protocolVersion: 1,
    capabilities: [],
    ...changes,
  };
}

export function givenHost(...facts: readonly HostFact[]): HostState {
  return facts.reduce<HostState>(evolve, undefined);
}
