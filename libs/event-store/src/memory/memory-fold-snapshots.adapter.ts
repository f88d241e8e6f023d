import { comparePositions, type Position } from '@drover/contracts';
import type { FoldOwner, FoldRow, FoldSnapshots } from '../fold-snapshots.port.js';

interface Snapshot {
  readonly position: Position;
  readonly rows: ReadonlyMap<string, FoldRow>;
}

const VERSIONS_KEPT = 2;

export function createMemoryFoldSnapshots(): FoldSnapshots {
  /** By service, then by version in the order of their first snapshots. */
  const snapshots = new Map<string, Map<string, Snapshot>>();
  const find = ({ service, version }: FoldOwner) => snapshots.get(service)?.get(version);
  return {
    async load(owner, head, take) {
      const found = find(owner);
      if (found === undefined || comparePositions(found.position, head) > 0) return undefined;
      take([...found.rows.values()].map((row) => structuredClone(row)));
      return found.position;
    },
    async save(owner, position, changes) {
      const before = find(owner);
      if (before !== undefined && comparePositions(position, before.position) <= 0) return false;
      const rows = new Map(before?.rows);
      for (const { kept, gone } of changes) {
        for (const row of kept) rows.set(keyOf(row), structuredClone(row));
        for (const row of gone) rows.delete(keyOf(row));
      }
      const versions = snapshots.get(owner.service) ?? new Map<string, Snapshot>();
      versions.set(owner.version, { position, rows });
      for (const version of [...versions.keys()].slice(0, -VERSIONS_KEPT)) versions.delete(version);
      snapshots.set(owner.service, versions);
      return true;
    },
  };
}

function keyOf({ kind, id }: Pick<FoldRow, 'kind' | 'id'>): string {
  return `${kind}-${id}`;
}
