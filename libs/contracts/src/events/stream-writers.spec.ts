import { describe, expect, it } from '@jest/globals';
import { streamKinds } from './catalogue.events.js';
import { streamWriters } from './stream-writers.js';

describe('the writers of streams', () => {
  it('are known for every kind that this release knows', () => {
    const unwritten = streamKinds.map(({ name }) => name).filter((name) => !Object.hasOwn(streamWriters, name));
    expect(unwritten).toEqual([]);
  });
});
