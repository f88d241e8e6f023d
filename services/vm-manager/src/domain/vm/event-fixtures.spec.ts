import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { isKnownEvent, storedEventSchema, vmStreamSchemas, type StoredVmEvent } from '@drover/contracts';
import { evolve } from './vm-evolution.state.js';
import { initialState } from './vm.state.js';

const folder = fileURLToPath(new URL('../../../../../libs/contracts/fixtures/events/', import.meta.url));

function fixture(name: string): StoredVmEvent {
  return JSON.parse(readFileSync(`${folder}${name}`, 'utf8')) as StoredVmEvent;
}

const types = Object.keys(vmStreamSchemas) as (keyof typeof vmStreamSchemas)[];

describe('every event that was ever stored', () => {
  it.each(types)('%s has a fixture that parses by its schema', (type) => {
    const event = fixture(`${type}.v1.json`);
    expect(storedEventSchema.safeParse(event)).toMatchObject({ success: true });
    expect(event).toMatchObject({ type, schemaVersion: 1 });
    expect(isKnownEvent(event)).toBe(true);
    // Equal, not merely accepted: a parser that adds or drops a field changes the meaning of what is stored.
    expect(vmStreamSchemas[type].parse(event.data)).toEqual(event.data);
  });

  it('evolves in the current fold, alone and in the order of the fixtures’ story', () => {
    const events = readdirSync(folder)
      .map(fixture)
      .filter((event) => event.stream.startsWith('vm-'))
      .sort((a, b) => a.revision - b.revision);
    expect(events.map((event) => event.revision)).toEqual(events.map((_, revision) => revision));
    for (const event of events) expect(evolve(initialState, event).revision).toBe(event.revision);
    const state = events.reduce(evolve, initialState);
    expect(state).toMatchObject({ phase: 'deleted', desired: 'DELETED', drift: [] });
    expect(state.operation).toBeUndefined();
    expect(state.knownOperations.length).toBeGreaterThan(0);
  });
});
