import { describe, expect, it } from '@jest/globals';
import { HostsShutOut } from './hosts-shut-out.state.js';

const revoked = { stream: 'host-a', type: 'HostCredentialsRevoked' };
const readmitted = { stream: 'host-a', type: 'HostReadmitted' };

describe('hosts that are shut out', () => {
  it.each([
    ['no decision, as in a store that was restored', [], { isShutOut: false, isReadmitted: false }],
    ['a revocation', [revoked], { isShutOut: true, isReadmitted: false }],
    ['a readmission after it', [revoked, readmitted], { isShutOut: false, isReadmitted: true }],
    ['another revocation after that', [revoked, readmitted, revoked], { isShutOut: true, isReadmitted: false }],
  ])('are what the newest decision says: %s', (_what, events, expected) => {
    const hosts = new HostsShutOut();
    for (const event of events) expect(hosts.apply(event)).toBe(true);
    for (const event of events.slice(-1)) expect(hosts.apply(event)).toBe(false);
    expect({ isShutOut: hosts.ids.has('a'), isReadmitted: hosts.isReadmitted('a') }).toEqual(expected);
  });
});
