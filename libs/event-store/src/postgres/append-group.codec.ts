import { int4Array, jsonArray, textArray, uuidArray } from './binary-array.codec.js';
import type { WaitingAppend } from './append-queue.js';

/** What the append function answers; all three are null where it had to wait too long to settle anything. */
export interface GroupRow {
  readonly outcomes: string | null;
  readonly revisions: string | null;
  readonly positions: string | null;
}

/** How an append was settled: 0 conflict, 1 appended, 2 repeat, 3 ids known in part or elsewhere, 4 not this writer's. */
export interface Settled {
  readonly append: WaitingAppend;
  readonly outcome: number;
  /** Of the stream's last event; the actual one where it is a conflict. */
  readonly revision: number;
  readonly position: number;
}

/** The parameters of the append function, in its order. */
export function encodeGroup(group: readonly WaitingAppend[]): Buffer[] {
  const places = new Map<string, number>();
  const placeOf = (stream: string) => {
    const place = places.get(stream) ?? places.size + 1;
    places.set(stream, place);
    return place;
  };
  const appendStreams = group.map(({ stream }) => placeOf(stream));
  const events = group.flatMap((append) => append.events);
  return [
    textArray([...places.keys()]),
    int4Array(appendStreams),
    int4Array(group.map(({ expected }) => (expected === 'any' ? -2 : expected === 'no-stream' ? -1 : expected))),
    int4Array(group.map((append) => append.events.length)),
    uuidArray(events.map((event) => event.id)),
    textArray(events.map((event) => event.type)),
    int4Array(events.map((event) => event.schemaVersion)),
    jsonArray(events.map((event) => event.data)),
    jsonArray(events.map((event) => event.meta)),
  ];
}

/** Undefined where nothing was settled. */
export function decodeGroup(group: readonly WaitingAppend[], row: GroupRow): readonly Settled[] | undefined {
  if (row.outcomes === null) return undefined;
  const [outcomes, revisions, positions] = [row.outcomes, row.revisions, row.positions].map(numbers);
  return group.map((append, index) => ({
    append,
    outcome: outcomes?.[index] ?? -1,
    revision: revisions?.[index] ?? -1,
    position: positions?.[index] ?? 0,
  }));
}

/** `{1,2,3}` as PostgreSQL writes arrays of integers. */
function numbers(text: string | null): number[] {
  return (text ?? '{}').slice(1, -1).split(',').map(Number);
}
