import { Rejected, errors, START, type Position } from '@drover/contracts';

/** Position of the nth event of a store that numbers its events from 1 without gaps. */
export function fromSequence(sequence: number): Position {
  return sequence === 0 ? START : (String(sequence) as Position);
}

/** Throws `Rejected` where this store can never have given the position. */
export function toSequence(position: Position): number {
  const sequence = Number(position);
  if (!/^(0|[1-9]\d*)$/.test(position) || !Number.isSafeInteger(sequence)) {
    const detail = `not a position of this event store: ${JSON.stringify(position)}`;
    throw new Rejected(errors.INVALID_FIELD(detail));
  }
  return sequence;
}

/** Throws `Rejected` where no event stands at the position yet. */
export function checkWithinHead(sequence: number, newest: number): void {
  if (sequence <= newest) return;
  const detail = `position ${sequence} is beyond the newest event, which is ${newest}`;
  throw new Rejected(errors.POSITION_BEYOND_HEAD(detail, { data: { position: sequence, newest } }));
}
