import type { HostFact, HostId, HostInventory, ReportSource } from '@drover/contracts';
import { inventoryDigest } from '@drover/fleet-model';
import type { HostState } from './host.state.js';

/** What an inventory that a host told means. Nothing where it is as known and no report is settled by it. */
export function inventoryFacts(
  state: HostState,
  hostId: HostId,
  inventory: HostInventory,
  source: ReportSource | undefined,
): readonly HostFact[] {
  if (source === undefined && state?.inventory.digest === inventoryDigest(inventory)) return [];
  const grewFrom = growth(state, inventory);
  return [
    {
      type: 'HostInventoryChanged',
      data: {
        hostId,
        inventory,
        ...(source === undefined ? {} : { source }),
        ...(grewFrom === undefined ? {} : { grewFrom }),
      },
    },
  ];
}

/** A host that says it has more than before draws VMs to itself: a person should be able to see since when. */
function growth(state: HostState, { cpu, memoryMiB }: HostInventory) {
  if (state === undefined) return undefined;
  const before = state.inventory;
  if (cpu.count <= before.cpuCount && memoryMiB <= before.memoryMiB) return undefined;
  return { cpuCount: before.cpuCount, memoryMiB: before.memoryMiB };
}
