import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { stateShapeContract } from '@drover/aggregate/testing';
import {
  eventUpcasters,
  newestVersion,
  storedEventSchema,
  upcastWith,
  vmKind,
  type StoredVmEvent,
} from '@drover/contracts';
import { vmAggregate } from '../../application/vm-folds.state.js';
import { evolve } from './vm-evolution.state.js';
import { initialState } from './vm.state.js';

const folder = new URL('../../../../../libs/contracts/fixtures/events/', import.meta.url);
const types = Object.keys(vmKind.events);
const versions = Array.from({ length: Math.max(...types.map((type) => newestVersion(type))) }, (_, index) => index + 1);

/** The fixtures' story as it was stored while no type was beyond this version, and as it is read today. */
function storyOf(version: number): readonly StoredVmEvent[] {
  return types
    .map((type) => `${type}.v${Math.min(version, newestVersion(type))}.json`)
    .map((file) => storedEventSchema.parse(JSON.parse(readFileSync(new URL(file, folder), 'utf8'))))
    .map((event) => upcastWith(eventUpcasters)(event) as StoredVmEvent)
    .sort((a, b) => a.revision - b.revision);
}

/** What is stored is read by later releases, and so is what a snapshot holds of it. */
describe('a snapshot', () => {
  stateShapeContract(
    vmAggregate,
    storyOf(Math.max(...versions)),
    fileURLToPath(new URL('../../../fixtures/folds/', import.meta.url)),
  );
});

/** Events are forever: what was once stored must lead where it led, in every later release. */
describe.each(versions)('the events that were stored in version %d', (version) => {
  it('evolve in the current fold, alone and in the order of the fixtures’ story', () => {
    const events = storyOf(version);
    expect(events.map((event) => event.revision)).toEqual(events.map((_, revision) => revision));
    for (const event of events) expect(evolve(initialState, event).revision).toBe(event.revision);
    const state = events.reduce(evolve, initialState);
    expect(state).toMatchObject({ phase: 'deleted', desired: 'ABSENT', drift: [] });
    expect(state.operation).toBeUndefined();
    expect(state.knownOperations.length).toBeGreaterThan(0);
  });
});
