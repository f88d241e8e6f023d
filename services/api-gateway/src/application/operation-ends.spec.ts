import { describe, expect, it } from '@jest/globals';
import { operationIdOf } from '../testing/fleet-story.js';
import { OperationEnds } from './operation-ends.js';
import { ProgressBoard } from './progress-board.js';

describe('waiting for the end of an operation', () => {
  it('ends for all who wait for it, and for no others', async () => {
    const ends = new OperationEnds();
    const first = ends.wait(operationIdOf('a'), 10_000);
    const second = ends.wait(operationIdOf('a'), 10_000);
    let isWoken = false;
    const other = ends.wait(operationIdOf('b'), 10_000);
    void other.woken.then(() => (isWoken = true));
    ends.notice([operationIdOf('a')]);
    await Promise.all([first.woken, second.woken]);
    expect(isWoken).toBe(false);
    ends.release();
    await other.woken;
  });

  it('ends when its time is over', async () => {
    await new OperationEnds().wait(operationIdOf('a'), 1).woken;
  });
});

describe('the board of progress', () => {
  it('keeps the newest of each operation until it ends', () => {
    const board = new ProgressBoard();
    board.note({ operationId: operationIdOf('a'), percent: 10, text: 'begun' });
    board.note({ operationId: operationIdOf('a'), percent: 20, text: 'going' });
    expect(board.of(operationIdOf('a'))).toEqual({ percent: 20, text: 'going' });
    board.forget([operationIdOf('a')]);
    expect(board.of(operationIdOf('a'))).toBeNull();
  });

  it('forgets the oldest before it grows without end', () => {
    const board = new ProgressBoard();
    for (let index = 0; index <= 10_000; index += 1) {
      board.note({ operationId: operationIdOf(`${index}`), percent: 1, text: '' });
    }
    expect(board.of(operationIdOf('0'))).toBeNull();
    expect(board.of(operationIdOf('1'))).not.toBeNull();
  });
});
