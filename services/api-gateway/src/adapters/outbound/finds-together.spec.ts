import { describe, expect, it } from '@jest/globals';
import { FindsTogether } from './finds-together.js';

function findsAmong(there: readonly string[]) {
  const reads: (readonly string[])[] = [];
  const finds = new FindsTogether(async (ids) => {
    reads.push(ids);
    return new Map(there.filter((id) => ids.includes(id)).map((id) => [id, { id }]));
  });
  return { finds, reads };
}

describe('finding things by id', () => {
  it('reads once for all that are asked for in one turn, and gives each its own', async () => {
    const { finds, reads } = findsAmong(['c', 'b', 'a']);
    const found = await Promise.all(['a', 'b', 'none', 'a'].map((id) => finds.find(id)));
    expect(found).toEqual([{ id: 'a' }, { id: 'b' }, undefined, { id: 'a' }]);
    expect(reads).toEqual([['a', 'b', 'none']]);
  });

  it('reads again what is asked for later, so that nothing older than the question is shown', async () => {
    const { finds, reads } = findsAmong(['a']);
    await finds.find('a');
    await finds.find('a');
    expect(reads).toEqual([['a'], ['a']]);
  });

  it('reads a hundred things at once, and not more', async () => {
    const ids = Array.from({ length: 250 }, (_, index) => `id-${index}`);
    const { finds, reads } = findsAmong(ids);
    expect(await Promise.all(ids.map((id) => finds.find(id)))).toEqual(ids.map((id) => ({ id })));
    expect(reads.map(({ length }) => length)).toEqual([100, 100, 50]);
  });

  it('tells each who asked where the read fails, and reads on', async () => {
    let fails = true;
    const finds = new FindsTogether(async (ids) => {
      if (fails) throw new Error('no answer');
      return new Map(ids.map((id) => [id, { id }]));
    });
    const asked = await Promise.allSettled([finds.find('a'), finds.find('b')]);
    expect(asked.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    fails = false;
    expect(await finds.find('a')).toEqual({ id: 'a' });
  });
});
