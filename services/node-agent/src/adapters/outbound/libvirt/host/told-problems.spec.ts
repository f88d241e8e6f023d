import { describe, expect, it } from '@jest/globals';
import { errors } from '@drover/contracts';
import { errorCodes, LibvirtError } from '@drover/libvirt-rpc';
import { ToldProblems } from './told-problems.js';

const failed = (origin: 'client' | 'daemon') =>
  new LibvirtError('no', {
    code: errorCodes.RPC,
    origin,
    outcome: 'not-applied',
    procedure: 'NODE_DEVICE_GET_XML_DESC',
  });

describe('what cannot be read of a host', () => {
  it.each([
    ['libvirt refuses it', failed('daemon')],
    ['it is not what it should be', new Error('not a <device>')],
  ])('is told, and the rest goes on, where %s', async (_, error) => {
    const problems = new ToldProblems();
    expect(await problems.orTell('device a', () => Promise.reject(error))).toBeUndefined();
    expect(await problems.orTell('device b', () => Promise.resolve(1))).toBe(1);
    expect(problems.told).toEqual([expect.stringMatching(/^device a: /)]);
  });

  it.each([
    ['no connection', failed('client')],
    ['no libvirt', errors.HYPERVISOR_UNAVAILABLE('not-applied', 'x')],
  ])('is no odd thing where there is %s', async (_, error) => {
    await expect(new ToldProblems().orTell('device', () => Promise.reject(error))).rejects.toBe(error);
  });

  it('is bounded, and says how many had no place in a list', () => {
    const problems = new ToldProblems();
    expect(problems.upTo(2, 'networks', ['a', 'b', 'c'])).toEqual(['a', 'b']);
    expect(problems.told).toEqual(['networks: 1 of 3 left out']);
    for (let index = 0; index < 200; index += 1) problems.tell('x'.repeat(1_000));
    expect(problems.told).toHaveLength(50);
    expect(Math.max(...problems.told.map(({ length }) => length))).toBe(300);
  });
});
