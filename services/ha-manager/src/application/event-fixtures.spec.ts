import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import {
  clusterStreamSchemas,
  eventCatalogue,
  hostStreamSchemas,
  isKnownEvent,
  storedEventSchema,
  type EventType,
  type StoredClusterEvent,
  type StoredHostEvent,
} from '@drover/contracts';
import { emptyFleet, evolveFleet } from '@drover/fleet-model';
import { clusterDecider } from '../domain/cluster/cluster.decider.js';
import { HostDirectory } from './host-directory.state.js';

const folder = new URL('../../../../libs/contracts/fixtures/events/', import.meta.url);

function fixture(type: string): ReturnType<typeof storedEventSchema.parse> {
  return storedEventSchema.parse(JSON.parse(readFileSync(new URL(`${type}.v1.json`, folder), 'utf8')));
}

const hostTypes = Object.keys(hostStreamSchemas);
const clusterTypes = Object.keys(clusterStreamSchemas);

/** Events are forever: what was once stored must be read by every later release. */
describe('the stored events', () => {
  it.each([...hostTypes, ...clusterTypes])('%s of version 1 is still what its schema reads', (type) => {
    const event = fixture(type);
    expect(event.type).toBe(type);
    expect(isKnownEvent(event)).toBe(true);
    expect(eventCatalogue[type as EventType].data.parse(event.data)).toEqual(event.data);
  });

  it('of a host still lead to the same host', () => {
    const events = hostTypes.map((type) => fixture(type) as StoredHostEvent).sort((a, b) => a.revision - b.revision);
    const directory = new HostDirectory();
    for (const event of events) directory.seeEvent(event);
    const [host] = directory.members();
    expect(host).toMatchObject({
      journalEpoch: 1,
      isCordonedByUser: false,
      isCordonedByProtocol: false,
      isSuspected: false,
      newestReport: { journalEpoch: 1, sequence: 17 },
    });
    expect(host?.inventory.images).toEqual(['guest', 'debian-12']);
    const planned = events.reduce(evolveFleet, emptyFleet).hosts.get(events[0]?.data.hostId ?? ('' as never));
    expect(planned).toMatchObject({ isCordoned: false, isSuspected: false, inventory: host?.inventory });
  });

  it('of the cluster still name its fleet', () => {
    const state = clusterTypes
      .map((type) => fixture(type) as StoredClusterEvent)
      .reduce(clusterDecider.evolve, undefined);
    expect(state).toEqual({ fleetId: '0199c4e2-0b1a-8000-8000-0000000f1ee7', storeEpoch: 1 });
  });
});
