import { comparePositions, type EventId, type Position, Rejected } from '@drover/contracts';
import type { FoldOwner, FoldRow, FoldSnapshots } from '../fold-snapshots.port.js';

interface Snapshot {
  readonly position: Position;
  /** Of the event at the position; none at the start of the store. */
  readonly eventId: EventId | undefined;
  readonly rows: ReadonlyMap<string, FoldRow>;
}

const VERSIONS_KEPT = 2;

/** By service, then by version in the order of their first snapshots. */
export type MemorySnapshots = Map<string, Map<string, Snapshot>>;

/** @param eventIdAt throws `Rejected` where no event stands at the position. */
export function createMemoryFoldSnapshots(
  eventIdAt: (position: Position) => EventId | undefined,
  snapshots: MemorySnapshots,
): FoldSnapshots {
  const find = ({ service, version }: FoldOwner) => snapshots.get(service)?.get(version);
  function isOfThisHistory({ position, eventId }: Snapshot): boolean {
    try {
      return eventIdAt(position) === eventId;
    } catch (error) {
      if (error instanceof Rejected) return false;
      throw error;
    }
  }
  return {
    async load(owner, take) {
      const found = find(owner);
      if (found === undefined) return undefined;
      if (!isOfThisHistory(found)) {
        snapshots.get(owner.service)?.delete(owner.version);
        return undefined;
      }
      take([...found.rows.values()].map((row) => structuredClone(row)));
      return found.position;
    },
    async save(owner, position, changes) {
      const eventId = eventIdAt(position);
      const before = find(owner);
      if (before !== undefined && comparePositions(position, before.position) <= 0) return false;
      const rows = new Map(before?.rows);
      for (const { kept, gone } of changes) {
        for (const row of kept) rows.set(keyOf(row), structuredClone(row));
        for (const row of gone) rows.delete(keyOf(row));
      }
      const versions = snapshots.get(owner.service) ?? new Map<string, Snapshot>();
      versions.set(owner.version, { position, eventId, rows });
      for (const version of [...versions.keys()].slice(0, -VERSIONS_KEPT)) versions.delete(version);
      snapshots.set(owner.service, versions);
      return true;
    },
  };
}

function keyOf({ kind, id }: Pick<FoldRow, 'kind' | 'id'>): string {
  return `${kind}-${id}`;
}
