import type { HostInventory } from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';

/**
 * The same for two inventories that describe the same host, on every machine that works it out.
 *
 * What moves by itself is left out: the free space of pools and the clock of the CPU are loads, and loads are never events.
 * So is the order of lists that hypervisors give in any order.
 */
export function inventoryDigest(inventory: HostInventory): string {
  return derivedId(JSON.stringify(settled(inventory)), 'inventory');
}

function settled(inventory: HostInventory): unknown {
  const { offers } = inventory;
  return ordered({
    ...inventory,
    cpu: { ...inventory.cpu, mhz: 0, flags: [...inventory.cpu.flags].sort() },
    pools: inventory.pools.map((pool) => ({ ...pool, availableMiB: 0 })).sort(by((pool) => pool.name)),
    networks: [...inventory.networks].sort(),
    images: [...inventory.images].sort(by((image) => image.name)),
    gpus: [...inventory.gpus].sort(),
    pciDevices: [...inventory.pciDevices].sort(by((device) => device.address)),
    ...(offers === undefined
      ? {}
      : {
          offers: {
            ...offers,
            cpuModels: [...offers.cpuModels].sort(),
            machines: [...offers.machines].sort(by((machine) => machine.type)),
            firmware: [...offers.firmware].sort(),
            tpmVersions: [...offers.tpmVersions].sort(),
          },
        }),
  });
}

function by<Item>(key: (item: Item) => string): (one: Item, other: Item) => number {
  return (one, other) => (key(one) < key(other) ? -1 : 1);
}

/** Objects with their keys in order, so that equal ones are spelled alike. */
function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, inner]) => [key, ordered(inner)]));
}
