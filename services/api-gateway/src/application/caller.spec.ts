import { describe, expect, it } from '@jest/globals';
import { systemClock } from '@drover/domain-kit';
import { commandIdOf, type Caller } from './caller.js';

const caller: Caller = { principal: 'ada', requestId: 'r', sourceIp: '127.0.0.1', idempotencyKey: 'k' };
const id = (who: Caller, ...deed: [kind: string, ...asWritten: string[]]) => commandIdOf(who, deed, systemClock);

describe('the id of a command', () => {
  it('is the same for a repeat of the same request under the same key', () => {
    expect(id(caller, 'vm.start', 'a')).toBe(id({ ...caller, requestId: 'another' }, 'vm.start', 'a'));
    expect(id(caller, 'vm.create')).toBe(id(caller, 'vm.create'));
  });

  it('is another one for another deed, path, principal or key, so that none is taken for a repeat of the other', () => {
    const ids = [
      id(caller, 'vm.start', 'a'),
      id(caller, 'vm.stop', 'a'),
      id(caller, 'vm.start', 'b'),
      id(caller, 'vm.start', 'a', 'b'),
      id(caller, 'vm.create'),
      id({ ...caller, principal: 'bob' }, 'vm.start', 'a'),
      id({ ...caller, idempotencyKey: 'l' }, 'vm.start', 'a'),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('is new for each request without a key', () => {
    const { idempotencyKey: _, ...keyless } = caller;
    expect(id(keyless, 'vm.start', 'a')).not.toBe(id(keyless, 'vm.start', 'a'));
  });
});
