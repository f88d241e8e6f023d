import { randomUUID } from 'node:crypto';
import { eventIdSchema, START, type NewEvent } from '@drover/contracts';
import { newId } from '@drover/domain-kit';
import { openPostgresEventStore } from '@drover/event-store';
import { startPostgres } from '@drover/testing';
import { median, note, rounded, type Figure } from './figure.js';
import { openHandWrittenStore } from './hand-written-store.js';
import { costOf } from './process-cost.js';

const WRITERS = 64;
const EVENTS_PER_ROUND = 20_000;
const ROUNDS = 5;
const REPLAYS_PER_ROUND = 3;
const PAGE = 1000;

interface Contender {
  append(stream: string, revision: number, event: NewEvent): Promise<void>;
  /** Reads everything, parsed, and gives the number of events. */
  replay(): Promise<number>;
}

/**
 * Durable appends and replay of the event store, against hand-written batched SQL on the same PostgreSQL: 64 writers,
 * each with its own stream, waiting for one append before the next; fsync on. Rounds alternate.
 *
 * What counts is events per second of CPU, of this process and of PostgreSQL together: the clock on the wall says more of what
 * else the machine does than of the store.
 */
export async function* bench(): AsyncIterable<Figure> {
  const postgres = await startPostgres();
  try {
    const store = await openPostgresEventStore({ connectionString: postgres.connectionString });
    const byHand = await openHandWrittenStore(postgres.connectionString);
    const ours: Contender = {
      append: async (stream, revision, event) => {
        const result = await store.append(stream, revision === 0 ? 'no-stream' : revision - 1, [event]);
        if (result.kind === 'conflict') throw new Error('conflict in a stream with one writer');
      },
      replay: async () => {
        let count = 0;
        for (let after = START, isEnd = false; !isEnd;) {
          const page = await store.readAll(after, { limit: PAGE });
          count += page.events.length;
          after = page.next;
          isEnd = page.isEnd;
        }
        return count;
      },
    };
    const cpuSeconds = () => costOf(process.pid).cpuSeconds + costOf(postgres.pid()).cpuSeconds;
    yield* compare('event-store-appends', ours, byHand, perCpuSecond(cpuSeconds, appendRound));
    yield* compare('event-store-replay', ours, byHand, perCpuSecond(cpuSeconds, replayRound));
    await store.close();
    await byHand.close();
  } finally {
    await postgres.stop();
  }
}

async function* compare(
  figure: string,
  ours: Contender,
  byHand: Contender,
  round: (contender: Contender) => Promise<number>,
): AsyncIterable<Figure> {
  await round(ours);
  await round(byHand);
  const perSecond: { readonly ours: number[]; readonly byHand: number[] } = { ours: [], byHand: [] };
  for (let index = 0; index < ROUNDS; index += 1) {
    perSecond.ours.push(await round(ours));
    perSecond.byHand.push(await round(byHand));
    note(
      `${figure}: ${Math.round(perSecond.ours.at(-1) ?? 0)} a CPU second, by hand ${Math.round(perSecond.byHand.at(-1) ?? 0)}`,
    );
  }
  yield {
    figure,
    value: rounded(median(perSecond.ours) / median(perSecond.byHand)),
    unit: 'ratio',
    goal: 0.5,
    better: 'higher',
    detail: {
      perCpuSecond: Math.round(median(perSecond.ours)),
      byHandPerCpuSecond: Math.round(median(perSecond.byHand)),
      writers: WRITERS,
      rounds: ROUNDS,
      fsync: true,
    },
  };
}

/** A round that gives the number of its events, as one that gives them per second of CPU. */
function perCpuSecond(cpuSeconds: () => number, round: (contender: Contender) => Promise<number>) {
  return async (contender: Contender): Promise<number> => {
    const before = cpuSeconds();
    const events = await round(contender);
    return events / (cpuSeconds() - before);
  };
}

async function appendRound(contender: Contender): Promise<number> {
  const perWriter = Math.ceil(EVENTS_PER_ROUND / WRITERS);
  await Promise.all(
    Array.from({ length: WRITERS }, async () => {
      const stream = `vm-${randomUUID()}`;
      for (let revision = 0; revision < perWriter; revision += 1) await contender.append(stream, revision, event());
    }),
  );
  return perWriter * WRITERS;
}

/** Some times over: Linux counts CPU in hundredths of a second. */
async function replayRound(contender: Contender): Promise<number> {
  let count = 0;
  for (let time = 0; time < REPLAYS_PER_ROUND; time += 1) count += await contender.replay();
  return count;
}

/** About as large as a `VmStarted`. */
function event(): NewEvent {
  return {
    id: eventIdSchema.parse(newId(Date.now())),
    type: 'VmStarted',
    schemaVersion: 1,
    data: {
      hostId: '0199c4e2-0000-7000-8000-000000000001',
      generation: { epoch: 1, n: 1 },
      source: { hostId: '0199c4e2-0000-7000-8000-000000000001', journalEpoch: 1, sequence: 42 },
      cause: 'user',
    },
    meta: {
      at: '2026-01-01T00:00:00.000Z',
      actor: { kind: 'host', id: '0199c4e2-0000-7000-8000-000000000001' },
    },
  };
}
