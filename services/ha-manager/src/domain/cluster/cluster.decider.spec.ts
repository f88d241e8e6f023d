import { describe, expect, it } from '@jest/globals';
import { DEFAULT_CLUSTER } from '@drover/contracts';
import { aFleet, anotherFleet } from '../../testing/index.js';
import { clusterDecider } from './cluster.decider.js';

describe('the store', () => {
  const claim = { kind: 'ClaimStore', clusterId: DEFAULT_CLUSTER, fleetId: aFleet } as const;

  it('becomes that of the first fleet that claims it', () => {
    expect(clusterDecider.decide(undefined, claim)).toEqual({
      kind: 'accepted',
      events: [{ type: 'ClusterCreated', data: { clusterId: DEFAULT_CLUSTER, fleetId: aFleet, storeEpoch: 1 } }],
    });
  });

  it('is claimed again by the same fleet without an event', () => {
    expect(clusterDecider.decide({ fleetId: aFleet, storeEpoch: 4, term: 7 }, claim)).toEqual({
      kind: 'accepted',
      events: [],
    });
  });

  it('is refused to any other fleet', () => {
    expect(clusterDecider.decide({ fleetId: anotherFleet, storeEpoch: 1, term: 0 }, claim)).toMatchObject({
      kind: 'rejected',
      rejection: { code: 'FLEET_MISMATCH' },
    });
  });
});
