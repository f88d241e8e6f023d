import { describe, expect, it } from '@jest/globals';
import { lacksOfBase } from './debian.mjs';

const natsServer = (says) => ({ file: '/opt/nats-server', says });

describe('what nothing runs without', () => {
  it.each(['nats-server: v2.9.10', 'nats-server: v2.9.11', 'nats-server: v2.10.0', 'nats-server: v3.0.0-beta.1'])(
    'is there with %s',
    (says) => {
      expect(lacksOfBase([], natsServer(says))).toEqual([]);
    },
  );

  it.each(['2.9.9', '2.8.14', '1.99.99'])('is not there with nats-server %s, and says which one that is', (version) => {
    expect(lacksOfBase([], natsServer(`nats-server: v${version}`))).toEqual([
      `nats-server 2.9.10 or newer: /opt/nats-server is ${version}; replace it, or put a newer one before it on the PATH`,
    ]);
  });

  it('is not there with a nats-server that does not start', () => {
    expect(lacksOfBase([], natsServer(''))).toEqual([expect.stringContaining('/opt/nats-server does not say')]);
  });

  it('is named by its package where it is absent', () => {
    expect(lacksOfBase(['nats-server'], undefined)).toEqual([expect.stringContaining('apt-get install')]);
  });
});
