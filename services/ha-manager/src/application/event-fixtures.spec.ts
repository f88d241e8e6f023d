import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { Folds } from '@drover/aggregate';
import { stateShapeContract } from '@drover/aggregate/testing';
import {
  clusterKind,
  eventUpcasters,
  hostKind,
  newestVersion,
  storedEventSchema,
  upcastWith,
  type StoredClusterEvent,
  type StoredEvent,
  type HostId,
  type StoredHostEvent,
} from '@drover/contracts';
import { emptyFleet, evolveFleet } from '@drover/fleet-model';
import { clusterDecider } from '../domain/cluster/cluster.decider.js';
import type { HostState } from '../domain/membership/host.state.js';
import { hostAggregate, HostDirectory } from './host-directory.state.js';

const folder = new URL('../../../../libs/contracts/fixtures/events/', import.meta.url);
const types = Object.keys({ ...hostKind.events, ...clusterKind.events });
const versions = Array.from({ length: Math.max(...types.map((type) => newestVersion(type))) }, (_, index) => index + 1);

/** The fixtures' story as it was stored while no type was beyond this version, and as it is read today. */
function storyOf(schemas: object, version: number): readonly StoredEvent[] {
  return Object.keys(schemas)
    .map((type) => `${type}.v${Math.min(version, newestVersion(type))}.json`)
    .map((file) => storedEventSchema.parse(JSON.parse(readFileSync(new URL(file, folder), 'utf8'))))
    .map(upcastWith(eventUpcasters))
    .sort((a, b) => a.revision - b.revision);
}

/** What is stored is read by later releases, and so is what a snapshot holds of it. */
describe('a snapshot', () => {
  const story = storyOf(hostKind.events, Math.max(...versions)) as readonly StoredHostEvent[];
  stateShapeContract(hostAggregate, story, fileURLToPath(new URL('../../fixtures/folds/', import.meta.url)));
});

/** Events are forever: what was once stored must lead where it led, in every later release. */
describe.each(versions)('the events that were stored in version %d', (version) => {
  it('still lead to the same host', () => {
    const events = storyOf(hostKind.events, version) as readonly StoredHostEvent[];
    const folds = new Folds<HostState, StoredHostEvent, HostId>(hostAggregate);
    const directory = new HostDirectory(folds);
    for (const event of events) folds.follow(event);
    const [host] = directory.members();
    expect(host).toMatchObject({
      journalEpoch: 1,
      isCordonedByUser: false,
      isCordonedByProtocol: false,
      isSuspected: false,
      newestReport: { journalEpoch: 1, sequence: 17 },
    });
    expect(host?.inventory).toMatchObject({ cpuCount: 64, memoryMiB: 262_144 });
    const planned = events.reduce(evolveFleet, emptyFleet).hosts.get(events[0]?.data.hostId ?? ('' as never));
    expect(planned).toMatchObject({ isCordoned: false, isSuspected: false });
    expect(planned?.inventory.images.map(({ name }) => name)).toEqual(['guest', 'debian-12']);
  });

  it('still name the fleet', () => {
    const events = storyOf(clusterKind.events, version) as readonly StoredClusterEvent[];
    const state = events.reduce(clusterDecider.evolve, undefined);
    expect(state).toEqual({ fleetId: '0199c4e2-0b1a-8000-8000-0000000f1ee7', storeEpoch: 1, term: 12 });
  });
});
