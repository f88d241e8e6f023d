/** The simulated machines of a fleet as a person sees them who stands in front of them: past every service. */
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { SqliteMachineStores, type SimulatedDomain, type SimulatedVolume } from '@drover/hypervisor';
import { agentFolderOf, type Home } from '@drover/standalone/infrastructure';

export interface SeenDomain extends SimulatedDomain {
  readonly hostId: string;
}

const fileOf = (home: Home): string => path.join(agentFolderOf(home, 'simulated'), 'simulated-machines.sqlite');

/** Every domain of every machine, by host and id. */
export function domainsOf(home: Home): readonly SeenDomain[] {
  const database = new DatabaseSync(fileOf(home), { readOnly: true });
  try {
    return database
      .prepare('SELECT machine, content FROM domain ORDER BY machine, uuid')
      .all()
      .map((row) => ({ ...(JSON.parse(String(row['content'])) as SimulatedDomain), hostId: String(row['machine']) }));
  } finally {
    database.close();
  }
}

/** Puts a domain there that no part of Drover made. The machine's agent must not run: it reads its machine when it starts. */
export function putDomain(home: Home, hostId: string, domain: SimulatedDomain): void {
  const stores = new SqliteMachineStores(fileOf(home));
  stores.of(hostId).putDomain(domain);
  stores.close();
}

/** Likewise a volume. */
export function putVolume(home: Home, hostId: string, volume: SimulatedVolume): void {
  const stores = new SqliteMachineStores(fileOf(home));
  stores.of(hostId).putVolume(volume);
  stores.close();
}

export function volumesOf(home: Home, hostId: string): readonly SimulatedVolume[] {
  const stores = new SqliteMachineStores(fileOf(home));
  try {
    return stores.of(hostId).load().volumes;
  } finally {
    stores.close();
  }
}
