import type { Position, StoredEvent } from '@drover/contracts';
import { letsThrough } from '../event.filter.js';
import type { EventFilter, ReadAllPage } from '../event-store.port.js';
import { fromSequence, toSequence } from '../sequence.codec.js';
import { backoff, isUnavailable } from './database.client.js';
import type { MeasuredPage } from './event-reader.js';

/** What is remembered, in events and in characters of their JSON: whichever is reached first. */
export interface TailBounds {
  readonly events: number;
  readonly characters: number;
}

const usualBounds: TailBounds = { events: 4_096, characters: 16 * 1024 * 1024 };
const pageEvents = 500;
/** While appends stream in, the newest are read at most this often, together. */
const shortestIntervalMs = 2;

interface Sleeper {
  readonly after: number;
  readonly wake: () => void;
}

/**
 * The newest events, read once for all subscriptions of the process that are level with the head.
 *
 * Reads when hinted (an own append, a notification) and otherwise every `pollIntervalMs`, because hints get lost; and only
 * while somebody waits.
 */
export class Tail {
  private events: StoredEvent[] = [];
  /** Of each of `events`, and of all of them. */
  private readonly characters: number[] = [];
  private charactersOfAll = 0;
  /** Position of the newest event read; `events` are those right up to it. Undefined until somebody was level with the head. */
  private head: number | undefined;
  private readonly sleepers = new Set<Sleeper>();
  private isReading = false;
  private hinted = 0;
  private lastReadAt = 0;
  private timer: NodeJS.Timeout | undefined;
  private readonly readPage: (after: Position, limit: number) => Promise<MeasuredPage>;
  private readonly pollIntervalMs: number;
  private readonly bounds: TailBounds;

  constructor(
    readPage: (after: Position, limit: number) => Promise<MeasuredPage>,
    pollIntervalMs: number,
    bounds = usualBounds,
  ) {
    this.readPage = readPage;
    this.pollIntervalMs = pollIntervalMs;
    this.bounds = bounds;
  }

  /** The page from memory; undefined where it must be read from the database. */
  page(after: Position, filter: EventFilter | undefined, limit: number): ReadAllPage | undefined {
    const from = toSequence(after);
    if (this.head === undefined || from > this.head || from < this.head - this.events.length) return undefined;
    const events: StoredEvent[] = [];
    let next = from;
    for (; next < this.head && events.length < limit; next += 1) {
      const event = this.events[this.events.length - (this.head - next)];
      if (event !== undefined && letsThrough(filter, event)) events.push(event);
    }
    return { events, next: fromSequence(next), isEnd: next >= this.head };
  }

  /** A subscription has read up to `position`, where the newest event stands. */
  levelAt(position: Position): void {
    const sequence = toSequence(position);
    if (this.head !== undefined && this.head >= sequence) return;
    this.head = sequence;
    this.forgetOldest(this.events.length);
    this.wakeBehind(sequence);
  }

  /** Events up to `newest` are said to be in the store. */
  hint(newest: number): void {
    this.hinted = Math.max(this.hinted, newest);
    this.schedule();
  }

  /** Resolves when events behind `after` can be had from `page`, or `after` is not where the tail is. */
  appended(after: Position, signal: AbortSignal): Promise<void> {
    const from = toSequence(after);
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error);
      if (from !== this.head) return resolve();
      const wake = () => {
        this.sleepers.delete(sleeper);
        signal.removeEventListener('abort', wake);
        if (signal.aborted) reject(signal.reason as Error);
        else resolve();
      };
      const sleeper = { after: from, wake };
      this.sleepers.add(sleeper);
      signal.addEventListener('abort', wake);
      this.schedule();
    });
  }

  close(): void {
    clearTimeout(this.timer);
    for (const { wake } of this.sleepers) wake();
  }

  private schedule(): void {
    if (this.isReading || this.sleepers.size === 0) return;
    clearTimeout(this.timer);
    const interval = this.hinted > (this.head ?? 0) ? shortestIntervalMs : this.pollIntervalMs;
    const inMs = this.lastReadAt + interval - performance.now();
    if (inMs <= 0) void this.read();
    else this.timer = setTimeout(() => void this.read(), inMs);
  }

  private async read(): Promise<void> {
    this.isReading = true;
    const pause = backoff();
    while (this.sleepers.size > 0) {
      this.lastReadAt = performance.now();
      const from = this.head ?? 0;
      // A reading to the end answers all hints of before it, also one that names what is not there.
      const { hinted } = this;
      this.hinted = 0;
      try {
        const page = await this.readPage(fromSequence(from), pageEvents);
        // Where a subscription came level meanwhile, this reading says nothing of what is behind it.
        if (this.head === from) {
          this.take(page);
          if (page.isEnd) break;
        }
      } catch (error) {
        if (isUnavailable(error)) await pause();
        else this.giveUp();
      }
      this.hinted = Math.max(this.hinted, hinted);
    }
    this.isReading = false;
    this.schedule();
  }

  /** Each subscription reads for itself then, and meets what stopped the tail. */
  private giveUp(): void {
    this.head = undefined;
    this.forgetOldest(this.events.length);
    for (const { wake } of [...this.sleepers]) wake();
  }

  private take(page: MeasuredPage): void {
    if (page.events.length === 0) return;
    const next = toSequence(page.next);
    // An event is found here by its distance from the head: where positions leave some out, each reads for itself.
    if (next - (this.head ?? 0) === page.events.length) this.remember(page);
    else this.forgetOldest(this.events.length);
    this.head = next;
    this.wakeBehind(next);
  }

  private remember(page: MeasuredPage): void {
    this.events.push(...page.events);
    this.characters.push(...page.characters);
    for (const characters of page.characters) this.charactersOfAll += characters;
    this.keepWithinBounds();
  }

  /** Lets twice the bounds fill up before it cuts, so that an event is moved once on average. */
  private keepWithinBounds(): void {
    const { events, characters } = this.bounds;
    if (this.events.length <= 2 * events && this.charactersOfAll <= 2 * characters) return;
    let count = 0;
    let left = this.charactersOfAll;
    for (; this.events.length - count > events || left > characters; count += 1) left -= this.characters[count] ?? 0;
    this.forgetOldest(count);
  }

  private forgetOldest(count: number): void {
    const characters = this.characters.splice(0, count);
    this.events = this.events.slice(count);
    for (const forgotten of characters) this.charactersOfAll -= forgotten;
  }

  private wakeBehind(head: number): void {
    for (const sleeper of [...this.sleepers]) if (sleeper.after < head) sleeper.wake();
  }
}
