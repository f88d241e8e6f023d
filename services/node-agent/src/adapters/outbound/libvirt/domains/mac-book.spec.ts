import { describe, expect, it } from '@jest/globals';
import { vmIdSchema, vmSpecSchema } from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';
import { MacBook } from './mac-book.js';

const vmId = (name: string) => vmIdSchema.parse(derivedId('vm', name));
const nic = (mac?: string, network = 'default') => vmSpecSchema.parse({ nics: [{ network, mac }] }).nics;
const mac = '52:54:00:12:34:56';

describe('the MAC addresses of a host', () => {
  it('are each of one domain per network, also where two ask at the same time', () => {
    const book = new MacBook();
    book.take(vmId('a'), nic(mac));
    expect(() => book.take(vmId('b'), nic(mac))).toThrow(`domain ${vmId('a')} has this MAC address`);
    expect(() => book.take(vmId('a'), nic(mac))).not.toThrow();
    expect(() => book.take(vmId('b'), nic(mac, 'other'))).not.toThrow();
    expect(() => book.take(vmId('c'), nic())).not.toThrow();
  });

  it('are those of domains of others as well, and free again when these are gone', () => {
    const book = new MacBook();
    book.note({ uuid: 'foreign', nics: [{ mac: mac.toUpperCase(), network: 'default' }] });
    expect(() => book.take(vmId('a'), nic(mac))).toThrow('domain foreign has this MAC address');
    book.forget('foreign');
    expect(() => book.take(vmId('a'), nic(mac))).not.toThrow();
  });
});
