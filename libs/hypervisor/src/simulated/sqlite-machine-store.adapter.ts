import { DatabaseSync } from 'node:sqlite';
import type { SimulatedDomain, SimulatedMachineStore, SimulatedVolume } from './simulated-machine.state.js';

/**
 * Keeps the state of simulated machines in one file, so that a process with its agents may be killed while "the VMs go on".
 *
 * It outlives the process, not a power cut: nothing is flushed to disk, so a write costs microseconds.
 */
export class SqliteMachineStores {
  readonly #database: DatabaseSync;

  constructor(file: string) {
    this.#database = new DatabaseSync(file);
    this.#database.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = OFF;
      CREATE TABLE IF NOT EXISTS domain (
        machine TEXT NOT NULL, uuid TEXT NOT NULL, content TEXT NOT NULL, PRIMARY KEY (machine, uuid)
      ) WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS volume (
        machine TEXT NOT NULL, pool TEXT NOT NULL, name TEXT NOT NULL, content TEXT NOT NULL,
        PRIMARY KEY (machine, pool, name)
      ) WITHOUT ROWID;
    `);
  }

  of(machine: string): SimulatedMachineStore {
    const read = (table: string): unknown[] =>
      this.#database
        .prepare(`SELECT content FROM ${table} WHERE machine = ?`)
        .all(machine)
        .map((row) => JSON.parse(String(row['content'])) as unknown);
    const putDomain = this.#database.prepare('INSERT OR REPLACE INTO domain VALUES (?, ?, ?)');
    const removeDomain = this.#database.prepare('DELETE FROM domain WHERE machine = ? AND uuid = ?');
    const putVolume = this.#database.prepare('INSERT OR REPLACE INTO volume VALUES (?, ?, ?, ?)');
    const removeVolume = this.#database.prepare('DELETE FROM volume WHERE machine = ? AND pool = ? AND name = ?');
    return {
      load: () => ({ domains: read('domain') as SimulatedDomain[], volumes: read('volume') as SimulatedVolume[] }),
      putDomain: (domain) => void putDomain.run(machine, domain.uuid, JSON.stringify(domain)),
      removeDomain: (uuid) => void removeDomain.run(machine, uuid),
      putVolume: (volume) => void putVolume.run(machine, volume.pool, volume.name, JSON.stringify(volume)),
      removeVolume: (pool, name) => void removeVolume.run(machine, pool, name),
    };
  }

  close(): void {
    this.#database.close();
  }
}
