import { describe, expect, it } from '@jest/globals';
import { demandSchema, vmSpecSchema } from '@drover/contracts';
import { demandOf } from './demand.js';
import { NO_USAGE, usageWith, usageWithout } from './usage.js';

const specWith = (pool: string) =>
  vmSpecSchema.parse({
    disks: [
      { name: 'a', pool, sizeMiB: 100 },
      { name: 'b', pool, sizeMiB: 20 },
    ],
  });

describe('the demand of a VM', () => {
  it.each(['default', 'constructor', 'toString', 'valueOf', 'hasOwnProperty'])(
    'adds up the disks of pool %s',
    (pool) => {
      const demand = demandOf(specWith(pool));
      expect(Object.entries(demand.pools)).toEqual([[pool, 120]]);
      // What asks for it is read again on the other side of the message bus.
      expect(demandSchema.parse(JSON.parse(JSON.stringify(demand)))).toEqual(demand);
    },
  );
});

describe('what VMs take of a host', () => {
  it.each(['constructor', 'toString'])('counts what is promised in pool %s, and forgets it again', (pool) => {
    const counted = { demand: demandOf(specWith(pool)), isDefined: false };
    const usage = usageWith(usageWith(NO_USAGE, counted), counted);
    expect(usage.promisedPoolMiB).toEqual(new Map([[pool, 240]]));
    expect(usageWithout(usageWithout(usage, counted), counted)).toEqual(NO_USAGE);
  });
});
