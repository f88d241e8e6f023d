import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { stateShapeContract } from '@drover/aggregate/testing';
import { eventUpcasters, storedEventSchema, upcastWith, type StoredImageEvent } from '@drover/contracts';
import { imageAggregate } from '../../application/images.state.js';
import { evolveImage, noImage } from './image.state.js';

const folder = new URL('../../../../../libs/contracts/fixtures/events/', import.meta.url);
const story = ['ImageRequested', 'ImageRegistered', 'ImageDeleted']
  .map((type) => storedEventSchema.parse(JSON.parse(readFileSync(new URL(`${type}.v1.json`, folder), 'utf8'))))
  .map((event) => upcastWith(eventUpcasters)(event) as StoredImageEvent);

/** What is stored is read by later releases, and so is what a snapshot holds of it. */
describe('a snapshot', () => {
  stateShapeContract(imageAggregate, story, fileURLToPath(new URL('../../../fixtures/folds/', import.meta.url)));
});

/** Events are forever: what was once stored must lead where it led, in every later release. */
describe('the events of an image that were stored', () => {
  it('still lead to the same image', () => {
    expect(story.slice(0, 2).reduce(evolveImage, noImage)).toMatchObject({
      phase: 'registered',
      identity: { name: 'debian-13', source: { kind: 'host' } },
      contents: { virtualSizeBytes: 3_221_225_472, format: 'qcow2' },
    });
    expect(story.reduce(evolveImage, noImage)).toMatchObject({ phase: 'deleted', identity: { name: 'debian-13' } });
  });
});
