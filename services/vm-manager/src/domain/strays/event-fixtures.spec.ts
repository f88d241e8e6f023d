import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { stateShapeContract } from '@drover/aggregate/testing';
import {
  eventUpcasters,
  newestVersion,
  storedEventSchema,
  straysKind,
  upcastWith,
  type StoredStraysEvent,
} from '@drover/contracts';
import { straysAggregate } from '../../application/strays.handler.js';
import { evolveStrays, noStrays } from './strays.state.js';

const folder = new URL('../../../../../libs/contracts/fixtures/events/', import.meta.url);
const story = Object.keys(straysKind.events)
  .map((type) => `${type}.v${newestVersion(type)}.json`)
  .map((file) => storedEventSchema.parse(JSON.parse(readFileSync(new URL(file, folder), 'utf8'))))
  .map((event) => upcastWith(eventUpcasters)(event) as StoredStraysEvent)
  .sort((a, b) => a.revision - b.revision);

/** What is stored is read by later releases, and so is what a snapshot holds of it. */
describe('a snapshot', () => {
  stateShapeContract(straysAggregate, story, fileURLToPath(new URL('../../../fixtures/folds/', import.meta.url)));
});

/** Events are forever: what was once stored must lead where it led, in every later release. */
describe('the events of strays that were stored', () => {
  it('still lead to the same strays', () => {
    expect(story.map(({ revision }) => revision)).toEqual([0, 1, 2]);
    expect(story.reduce(evolveStrays, noStrays)).toMatchObject({ strays: [], leftOut: 3, source: { sequence: 41 } });
  });
});
