import type { HostInventory } from '@drover/contracts';

/**
 * Whether two inventories describe the same host.
 *
 * What moves by itself is left out: the free space of pools and the clock of the CPU are loads, and loads are never events.
 * So is the order of lists that hypervisors give in any order.
 */
export function isSameInventory(a: HostInventory, b: HostInventory): boolean {
  return JSON.stringify(settled(a)) === JSON.stringify(settled(b));
}

function settled(inventory: HostInventory): unknown {
  return ordered({
    ...inventory,
    cpu: { ...inventory.cpu, mhz: 0, flags: [...inventory.cpu.flags].sort() },
    pools: inventory.pools
      .map((pool) => ({ ...pool, availableMiB: 0 }))
      .sort((one, other) => (one.name < other.name ? -1 : 1)),
    networks: [...inventory.networks].sort(),
    images: [...inventory.images].sort((one, other) => (one.name < other.name ? -1 : 1)),
    gpus: [...inventory.gpus].sort(),
    pciDevices: [...inventory.pciDevices].sort((one, other) => (one.address < other.address ? -1 : 1)),
  });
}

/** Objects with their keys in order, so that equal ones are spelled alike. */
function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, inner]) => [key, ordered(inner)]));
}
