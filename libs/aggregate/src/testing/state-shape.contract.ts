import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from '@jest/globals';
import type { StoredEvent } from '@drover/contracts';
import type { Aggregate } from '../aggregate.js';

/**
 * A snapshot holds states as JSON, and a later release may read them: so what they look like changes only with the aggregate's
 * `stateVersion`. The file holds what a story of events led to in that version; `DROVER_UPDATE=1` writes that of a new one.
 *
 * @param folder where the files of the aggregate's versions are kept.
 */
export function stateShapeContract<State, Event extends StoredEvent>(
  aggregate: Aggregate<State, Event>,
  story: readonly Event[],
  folder: string,
): void {
  const { kind, stateVersion, initialState, evolve } = aggregate;
  const file = path.join(folder, `${kind}.v${stateVersion}.json`);
  const states: State[] = [];
  for (const event of story) states.push(evolve(states.at(-1) ?? initialState, event));

  it(`a snapshot of ${kind} streams gives back the state that it was given`, () => {
    expect(states.length).toBeGreaterThan(0);
    for (const state of states) expect(JSON.parse(JSON.stringify(state))).toEqual(state);
  });

  it(`the state of ${kind} streams looks as it did when its version was made; else raise stateVersion`, () => {
    if (process.env['DROVER_UPDATE'] === '1' && !existsSync(file)) {
      mkdirSync(folder, { recursive: true });
      writeFileSync(file, `${JSON.stringify(states, null, 2)}\n`);
    }
    expect(JSON.parse(JSON.stringify(states))).toEqual(JSON.parse(readFileSync(file, 'utf8')));
  });
}
