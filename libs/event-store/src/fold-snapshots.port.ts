import type { Position } from '@drover/contracts';

/** The fold of one stream, as a snapshot holds it. */
export interface FoldRow {
  /** Kind of the stream, e.g. `vm`. */
  readonly kind: string;
  readonly id: string;
  /** Of the last event folded, and its position; the first event's position. */
  readonly revision: number;
  readonly position: Position;
  readonly firstPosition: Position;
  /** Plain JSON. */
  readonly state: unknown;
}

/** Whose folds, and of what version of its code: another version does not read them. */
export interface FoldOwner {
  /** Name of the service. */
  readonly service: string;
  readonly version: string;
}

/**
 * Snapshots of folds: how a service starts without reading every event that ever was. They are a copy; the events are the
 * truth, and a service without a snapshot reads them all.
 *
 * Each row holds its stream up to the snapshot's position or later, so a reader follows the store from that position and
 * passes over what its rows hold already. A stream without a row is over, or begins behind that position.
 *
 * Faults are `STORE_UNAVAILABLE`.
 */
export interface FoldSnapshots {
  /**
   * Hands out the newest snapshot, some rows at a time, and resolves to its position; to undefined, without a row, where there is
   * none. One is of another history where the store does not hold the event that stood at its position when it was saved: the
   * store was restored from an older copy since, and may have come further again. It is deleted. Must have ended before this
   * process saves.
   */
  load(owner: FoldOwner, take: (rows: readonly FoldRow[]) => void): Promise<Position | undefined>;
  /**
   * Brings the snapshot to `position`, all of it or nothing. `changes` is drawn on while the saving is under way, and must in the
   * end have named every stream that changed since this process loaded or last saved. Resolves to false, with nothing saved,
   * where the snapshot stands at this position or behind it already: another replica saved it. Throws `Rejected` where no
   * event stands at the position.
   *
   * Snapshots of the two newest versions of a service are kept, so that releases N and N-1 can take turns.
   */
  save(owner: FoldOwner, position: Position, changes: Iterable<FoldChanges>): Promise<boolean>;
}

/** Some of the streams that changed. */
export interface FoldChanges {
  readonly kept: readonly FoldRow[];
  /** Streams whose things are over. */
  readonly gone: readonly Pick<FoldRow, 'kind' | 'id'>[];
}
