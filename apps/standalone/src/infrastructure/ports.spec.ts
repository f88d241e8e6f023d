import { describe, expect, it } from '@jest/globals';
import { choosePorts } from './ports.js';

describe('choosePorts', () => {
  const everythingIsFree = () => Promise.resolve(true);

  it('keeps the ports of the last time while they are free', async () => {
    const stored = { api: 7480, nats: 21_001 };
    expect(await choosePorts(stored, everythingIsFree)).toEqual(stored);
  });

  it('takes another port only where the stored one is taken', async () => {
    const stored = { api: 7480, nats: 21_001 };
    const ports = await choosePorts(stored, (port) => Promise.resolve(port !== 21_001));
    expect(ports).toMatchObject({ api: 7480 });
    expect(ports.nats).not.toBe(21_001);
  });

  it('gives a second home ports of its own', async () => {
    const first = await choosePorts({}, everythingIsFree);
    const taken = new Set(Object.values(first));
    const second = await choosePorts({}, (port) => Promise.resolve(!taken.has(port)));
    expect(Object.values(second).some((port: number) => taken.has(port))).toBe(false);
  });

  it('never gives one port to two servers', async () => {
    const ports = await choosePorts({ api: 21_001, nats: 21_001 }, everythingIsFree);
    expect(new Set(Object.values(ports)).size).toBe(2);
  });
});
