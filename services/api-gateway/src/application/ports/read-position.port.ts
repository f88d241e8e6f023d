import type { Position } from '@drover/contracts';

/** How far the models are, for those who must not see less than they know. */
export interface ReadPosition {
  /** @param resources those that the answer is made of; absent: any. */
  waitFor(position: Position, timeoutMs: number, resources?: readonly string[]): Promise<'reached' | 'not-yet'>;
  /** Waits until they have come to where the store is now. */
  catchUp(timeoutMs: number, resources?: readonly string[]): Promise<'reached' | 'not-yet'>;
  /** Where the store is now. */
  head(): Promise<Position>;
}
