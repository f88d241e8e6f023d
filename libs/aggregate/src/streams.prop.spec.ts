import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Fault, START, type HostFact, type HostId, type Position, type StoredHostEvent } from '@drover/contracts';
import { createMemoryEventStore } from '@drover/event-store';
import { FoldSaver } from './fold-saver.process.js';
import { Streams } from './streams.js';
import { appending, cordons, factsOf, hostOf, type Cordons } from './testing/cordons.js';
import { FaultyStore, type Fate } from './testing/faulty-store.js';

const HOSTS = 3;
const REPLICAS = 2;
/** What follows from a cause is always the same. */
const TYPES = ['HostCordoned', 'HostUncordoned', 'HostSuspected', 'HostReturned'] as const;

type Step =
  | { readonly kind: 'change'; readonly replica: number; readonly host: number; readonly cause: number }
  | { readonly kind: 'fate'; readonly replica: number; readonly fate: Fate }
  | { readonly kind: 'follow'; readonly replica: number; readonly events: number }
  | { readonly kind: 'save' | 'restart'; readonly replica: number };

const replicaArb = fc.nat(REPLICAS - 1);
const stepArb: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('change' as const),
      replica: replicaArb,
      host: fc.nat(HOSTS - 1),
      // Few causes, so that many are repeats.
      cause: fc.nat(9),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('fate' as const),
      replica: replicaArb,
      fate: fc.constantFrom<Fate>('refused', 'lost', 'unanswered'),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('follow' as const),
      replica: replicaArb,
      events: fc.integer({ min: 1, max: 20 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom('save' as const, 'restart' as const), replica: replicaArb }),
  },
);

describe('streams with several writers, faults, lag, snapshots and restarts', () => {
  it('fold exactly what the store holds, and store each cause once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(stepArb, { minLength: 20, maxLength: 60 }), async (steps) => {
        const fleet = new Fleet();
        for (const step of steps) await fleet.take(step);
        await fleet.settle();
      }),
      { numRuns: 500 },
    );
  });
});

class Fleet {
  readonly store = createMemoryEventStore();
  readonly snapshots = this.store.foldSnapshots;
  readonly replicas = Array.from({ length: REPLICAS }, () => new Replica(this));
  /** Causes whose change was answered. */
  readonly answered = new Set<string>();

  async take(step: Step): Promise<void> {
    const replica = this.replicas[step.replica];
    if (replica === undefined) throw new Error('no such replica');
    switch (step.kind) {
      case 'change':
        return replica.change(hostOf(step.host), `${step.host}/${step.cause}`, TYPES[step.cause % TYPES.length]);
      case 'fate':
        replica.faulty.fateOf = (append) => (append === replica.faulty.appends ? step.fate : 'stored');
        return undefined;
      case 'follow':
        return replica.follow(step.events);
      case 'save':
        await replica.streams.loadMissed();
        await replica.saver.save(replica.position);
        return undefined;
      case 'restart':
        this.replicas[step.replica] = new Replica(this);
        await this.replicas[step.replica]?.start();
        return undefined;
    }
  }

  async settle(): Promise<void> {
    const { events } = await this.store.readAll(START, { limit: 10_000 });
    const causes = events.map(({ meta }) => meta.causationId ?? '');
    expect(new Set(causes).size).toBe(causes.length);
    expect(causes).toEqual(expect.arrayContaining([...this.answered]));
    for (const replica of [...this.replicas, await new Replica(this).start()]) {
      await replica.follow(10_000);
      await replica.streams.loadMissed();
      for (let host = 0; host < HOSTS; host += 1) {
        const stored = (await this.store.read(`host-${hostOf(host)}`)) as readonly StoredHostEvent[];
        const folded = stored.reduce(cordons.evolve, cordons.initialState);
        const { folds } = replica.streams;
        // What is over may be in memory no more; then nothing of it is, and it is read when it is asked for.
        if (folds.has(hostOf(host))) expect(folds.get(hostOf(host)).state).toEqual(folded);
        else expect(stored.length === 0 || stored.some(({ type }) => type === 'HostReturned')).toBe(true);
        const { state } = await replica.streams.change(hostOf(host), () => ({ events: [], result: undefined }));
        expect(state).toEqual(folded);
      }
    }
  }
}

class Replica {
  readonly #fleet: Fleet;
  readonly faulty: FaultyStore;
  readonly streams: Streams<Cordons, StoredHostEvent, HostId>;
  readonly saver: FoldSaver;
  position: Position = START;

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
    this.faulty = new FaultyStore(fleet.store);
    this.streams = new Streams(this.faulty, cordons);
    this.saver = new FoldSaver('spec', [this.streams.folds], fleet.snapshots);
  }

  async start(): Promise<this> {
    this.position = await this.saver.restore();
    return this;
  }

  async change(hostId: HostId, cause: string, type: HostFact['type'] = 'HostCordoned'): Promise<void> {
    this.faulty.appends = 0;
    const decide = appending(cause, factsOf(hostId, type));
    try {
      await this.streams.change(hostId, decide);
      this.#fleet.answered.add(cause);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
    }
    this.faulty.fateOf = () => 'stored';
  }

  async follow(events: number): Promise<void> {
    const page = await this.#fleet.store.readAll(this.position, { limit: events });
    for (const event of page.events) this.streams.folds.follow(event as StoredHostEvent);
    this.position = page.next;
  }
}
