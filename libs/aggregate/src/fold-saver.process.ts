import { START, type Position } from '@drover/contracts';
import type { FoldChanges, FoldOwner, FoldRow, FoldSnapshots } from '@drover/event-store';
import type { Folded } from './folds.state.js';

/** Some milliseconds of work each. */
const ROWS_PER_PART = 200;

/** What a snapshot needs of folds, whatever state they hold. */
export interface SavedFolds {
  readonly aggregate: { readonly kind: string; readonly stateVersion: number };
  has(id: string): boolean;
  get(id: string): Folded<unknown>;
  followedTo(position: Position): void;
  restore(id: string, folded: Folded<unknown>): void;
  takeUnsaved(): ReadonlySet<string>;
  giveBackUnsaved(ids: Iterable<string>): void;
}

/**
 * Starts the folds of a service from its snapshot, and saves one now and then. All its kinds share one position, from where
 * the service follows the store.
 */
export class FoldSaver {
  readonly #owner: FoldOwner;
  readonly #folds: ReadonlyMap<string, SavedFolds>;
  readonly #snapshots: FoldSnapshots;
  #savedPosition: Position = START;

  constructor(service: string, folds: readonly SavedFolds[], snapshots: FoldSnapshots) {
    this.#folds = new Map(folds.map((some) => [some.aggregate.kind, some]));
    const version = [...this.#folds.values()].map(({ aggregate }) => `${aggregate.kind}.${aggregate.stateVersion}`);
    this.#owner = { service, version: version.sort().join(' ') };
    this.#snapshots = snapshots;
  }

  /** Where the newest snapshot stands that this process loaded or saved. */
  get savedPosition(): Position {
    return this.#savedPosition;
  }

  /** Puts the folds where the newest snapshot has them. Resolves to the position to follow the store from. */
  async restore(): Promise<Position> {
    const position = await this.#snapshots.load(this.#owner, (rows) => {
      for (const { kind, id, ...row } of rows) this.#folds.get(kind)?.restore(id, row);
    });
    this.#savedPosition = position ?? START;
    for (const folds of this.#folds.values()) folds.followedTo(this.#savedPosition);
    return this.#savedPosition;
  }

  /**
   * Saves what has changed since the last time; false where another replica is further. One at a time.
   *
   * @param position up to where all the folds have followed the store.
   */
  async save(position: Position): Promise<boolean> {
    const unsaved = [...this.#folds.values()].map((folds) => ({ folds, ids: folds.takeUnsaved() }));
    try {
      const isSaved = await this.#snapshots.save(this.#owner, position, changesOf(unsaved));
      // Another replica is further. It has saved what we have, but what we saw change since then we must still name.
      if (!isSaved) giveBack(unsaved);
      else this.#savedPosition = position;
      return isSaved;
    } catch (error) {
      giveBack(unsaved);
      throw error;
    }
  }
}

interface Unsaved {
  readonly folds: SavedFolds;
  readonly ids: ReadonlySet<string>;
}

function giveBack(unsaved: readonly Unsaved[]): void {
  for (const { folds, ids } of unsaved) folds.giveBackUnsaved(ids);
}

/** Each state as it is when it is written: never older than the position that the snapshot is to have. */
function* changesOf(unsaved: readonly Unsaved[]): Generator<FoldChanges> {
  for (const { folds, ids } of unsaved) {
    const { kind } = folds.aggregate;
    let kept: FoldRow[] = [];
    let gone: Pick<FoldRow, 'kind' | 'id'>[] = [];
    for (const id of ids) {
      if (folds.has(id)) kept.push(rowOf(kind, id, folds.get(id)));
      else gone.push({ kind, id });
      if (kept.length + gone.length < ROWS_PER_PART) continue;
      yield { kept, gone };
      kept = [];
      gone = [];
    }
    if (kept.length + gone.length > 0) yield { kept, gone };
  }
}

function rowOf(kind: string, id: string, { state, revision, position, firstPosition }: Folded<unknown>): FoldRow {
  return { kind, id, revision, position, firstPosition, state };
}
