import { expect } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import {
  comparePositions,
  eventIdSchema,
  eventMetaSchema,
  START,
  type NewEvent,
  type StoredEvent,
} from '@drover/contracts';
import type { EventStore } from '../event-store.port.js';

const meta = eventMetaSchema.parse({ at: '2025-01-31T12:00:00.000Z', actor: { kind: 'service', id: 'contract' } });

/** An event of no particular meaning with a new id. */
export function anEvent(overrides: Partial<NewEvent> = {}): NewEvent {
  const id = eventIdSchema.parse(randomUUID());
  return { id, type: 'VmStarted', schemaVersion: 1, data: { note: 'x' }, meta, ...overrides };
}

/** The name of a stream that does not exist yet. */
export function aStream(kind = 'vm'): string {
  return `${kind}-${randomUUID()}`;
}

/** All events of the store, in order. */
export async function readEverything(store: EventStore): Promise<readonly StoredEvent[]> {
  const events: StoredEvent[] = [];
  for (let next = START, isEnd = false; !isEnd;) {
    const page = await store.readAll(next);
    events.push(...page.events);
    ({ next, isEnd } = page);
  }
  return events;
}

export function expectAscending(events: readonly StoredEvent[]): void {
  for (const [index, event] of events.slice(1).entries()) {
    expect(comparePositions(events[index]?.position ?? event.position, event.position)).toBeLessThan(0);
  }
}
