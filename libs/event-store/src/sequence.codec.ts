import { START, type Position } from '@drover/contracts';

/** Position of the nth event of a store that numbers its events from 1 without gaps. */
export function fromSequence(sequence: number): Position {
  return sequence === 0 ? START : (String(sequence) as Position);
}

export function toSequence(position: Position): number {
  const sequence = Number(position);
  if (!/^\d+$/.test(position) || !Number.isSafeInteger(sequence)) {
    throw new Error(`not a position of this event store: ${JSON.stringify(position)}`);
  }
  return sequence;
}
