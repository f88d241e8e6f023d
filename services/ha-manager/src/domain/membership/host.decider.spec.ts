import { describe, expect, it } from '@jest/globals';
import { DEFAULT_CLUSTER, type HostFact, type HostInventory } from '@drover/contracts';
import { anInventory, hostId } from '@drover/fleet-model/testing';
import { aFleet, anotherFleet, aRegistration, givenHost } from '../../testing/index.js';
import { hostDecider, type HostCommand, type Registration } from './host.decider.js';
import { isSameInventory } from './inventory.policy.js';

const id = hostId(1);
const { bootNonce: _, ...lasting } = aRegistration();
const registered: HostFact = {
  type: 'HostRegistered',
  data: { ...lasting, clusterId: DEFAULT_CLUSTER, journalEpoch: 1 },
};
const cordoned = (by: 'user' | 'protocol'): HostFact => ({ type: 'HostCordoned', data: { hostId: id, by } });
const uncordoned: HostFact = { type: 'HostUncordoned', data: { hostId: id } };
const suspected: HostFact = { type: 'HostSuspected', data: { hostId: id, missedHeartbeats: 3 } };
const returned: HostFact = { type: 'HostReturned', data: { hostId: id } };

function register(registration: Registration, aliveBootNonce?: string): HostCommand {
  return { kind: 'RegisterHost', registration, fleetId: aFleet, aliveBootNonce };
}

function inventory(changes: Partial<HostInventory>, sequence = 1, journalEpoch = 1): HostCommand {
  return { kind: 'TakeInventory', hostId: id, journalEpoch, sequence, inventory: anInventory(changes) };
}

/** Given, when: the events or the code of the rejection. */
function decided(given: readonly HostFact[], command: HostCommand): readonly HostFact[] | string {
  const decision = hostDecider.decide(givenHost(...given), command);
  return decision.kind === 'accepted' ? decision.events : decision.rejection.code;
}

describe('registering a host', () => {
  it('makes an unknown host a member with journal epoch 1', () => {
    expect(decided([], register(aRegistration()))).toEqual([registered]);
  });

  it('changes nothing when the same agent registers again', () => {
    expect(decided([registered], register(aRegistration({ bootNonce: 'boot-2' })))).toEqual([]);
  });

  it('counts the journal epoch on for a journal that is an older copy, once', () => {
    const heard: HostFact = {
      type: 'HostInventoryChanged',
      data: { hostId: id, inventory: anInventory(), source: { hostId: id, journalEpoch: 1, sequence: 6 } },
    };
    const restored = register(aRegistration({ lastSequence: 5 }));
    const second: HostFact = { type: 'HostRegistered', data: { ...registered.data, journalEpoch: 2 } };
    expect(decided([registered, heard], register(aRegistration({ lastSequence: 6 })))).toEqual([]);
    expect(decided([registered, heard], restored)).toMatchObject([second]);
    expect(decided([registered, heard, second], restored)).toEqual([]);
  });

  it('counts the journal epoch on for a new journal, also for one that was there before', () => {
    const second: HostFact = { type: 'HostRegistered', data: { ...registered.data, journalId: 'b', journalEpoch: 2 } };
    expect(decided([registered], register(aRegistration({ journalId: 'b' })))).toEqual([second]);
    expect(decided([registered, second], register(aRegistration()))).toEqual([
      { type: 'HostRegistered', data: { ...registered.data, journalEpoch: 3 } },
    ]);
  });

  it('records another version of the agent under the same journal epoch', () => {
    expect(decided([registered], register(aRegistration({ agentVersion: '1.1.0', capabilities: ['x'] })))).toEqual([
      { type: 'HostRegistered', data: { ...registered.data, agentVersion: '1.1.0', capabilities: ['x'] } },
    ]);
  });

  it('records a changed inventory', () => {
    expect(decided([registered], register(aRegistration({}, { memoryMiB: 1 })))).toEqual([
      { type: 'HostInventoryChanged', data: { hostId: id, inventory: anInventory({ memoryMiB: 1 }) } },
    ]);
  });

  it('overtakes the reports that wait at the host: none of them sets the inventory back', () => {
    const newest = anInventory({ memoryMiB: 3 });
    const overtaking = register({ ...aRegistration({}, { memoryMiB: 3 }), reportsThrough: 6 });
    const overtaken: HostFact = {
      type: 'HostInventoryChanged',
      data: { hostId: id, inventory: newest, source: { hostId: id, journalEpoch: 1, sequence: 6 } },
    };
    expect(decided([registered], overtaking)).toEqual([overtaken]);
    expect(decided([registered, overtaken], inventory({ memoryMiB: 1 }, 5))).toEqual([]);
    expect(decided([registered, overtaken], inventory({ memoryMiB: 2 }, 6))).toEqual([]);
    expect(decided([registered, overtaken], inventory({ memoryMiB: 4 }, 7))).toHaveLength(1);
    expect(decided([registered, overtaken], overtaking)).toEqual([]);
    // The same where the agent was replaced, or its inventory is as it was before the reports.
    const updated = register({ ...aRegistration({ agentVersion: '2' }), reportsThrough: 6 });
    expect(decided([registered], updated)).toMatchObject([
      { type: 'HostRegistered' },
      { type: 'HostInventoryChanged', data: { source: { sequence: 6 } } },
    ]);
    expect(decided([registered], register({ ...aRegistration(), reportsThrough: 6 }))).toHaveLength(1);
  });

  it('refuses a host of another fleet', () => {
    expect(decided([], register(aRegistration({ fleetId: anotherFleet })))).toBe('FLEET_MISMATCH');
    expect(decided([], register(aRegistration({ fleetId: aFleet })))).toEqual([registered]);
  });

  it('refuses a second agent with the same host id while the first is alive, and only then', () => {
    expect(decided([registered], register(aRegistration({ bootNonce: 'boot-2' }), 'boot-1'))).toBe('HOST_ID_IN_USE');
    expect(decided([registered], register(aRegistration({ bootNonce: 'boot-1' }), 'boot-1'))).toEqual([]);
    expect(decided([registered], register(aRegistration({ bootNonce: 'boot-2' })))).toEqual([]);
  });

  it('cordons a host whose protocol it does not know, once, and lifts that when the agent is updated', () => {
    const strange: HostFact = { type: 'HostRegistered', data: { ...registered.data, protocolVersion: 3 } };
    const asStrange = register(aRegistration({ protocolVersion: 3 }));
    expect(decided([registered], asStrange)).toEqual([strange, cordoned('protocol')]);
    expect(decided([registered, strange, cordoned('protocol')], asStrange)).toEqual([]);
    expect(decided([strange, cordoned('protocol')], register(aRegistration()))).toEqual([registered, uncordoned]);
  });

  it('keeps the cordon of the user when that of the protocol is lifted', () => {
    const strange: HostFact = { type: 'HostRegistered', data: { ...registered.data, protocolVersion: 3 } };
    expect(decided([strange, cordoned('user'), cordoned('protocol')], register(aRegistration()))).toEqual([
      registered,
      uncordoned,
      cordoned('user'),
    ]);
  });
});

describe('the inventory of a host', () => {
  it('is recorded with the report that told of it', () => {
    expect(decided([registered], inventory({ images: [] }, 7))).toEqual([
      {
        type: 'HostInventoryChanged',
        data: {
          hostId: id,
          inventory: anInventory({ images: [] }),
          source: { hostId: id, journalEpoch: 1, sequence: 7 },
        },
      },
    ]);
  });

  it('is not changed by a repeated or older report', () => {
    const seventh = decided([registered], inventory({ images: [] }, 7)) as readonly HostFact[];
    expect(decided([registered, ...seventh], inventory({}, 7))).toEqual([]);
    expect(decided([registered, ...seventh], inventory({}, 6))).toEqual([]);
    expect(decided([registered, ...seventh], inventory({}, 8))).toHaveLength(1);
  });

  it('is not changed by a report of an older journal, and not taken before the new one is registered', () => {
    const second: HostFact = { type: 'HostRegistered', data: { ...registered.data, journalId: 'b', journalEpoch: 2 } };
    expect(decided([registered, second], inventory({ images: [] }, 9, 1))).toEqual([]);
    expect(decided([registered, second], inventory({ images: [] }, 1, 2))).toHaveLength(1);
    expect(decided([registered], inventory({ images: [] }, 1, 2))).toBe('HOST_WRONG_STATE');
    expect(decided([], inventory({}))).toBe('HOST_NOT_FOUND');
  });

  it('stays the same while only loads and the order of lists differ', () => {
    const pool = (name: string, availableMiB: number) => ({ name, type: 'dir', capacityMiB: 9, availableMiB });
    const before = anInventory({ pools: [pool('a', 1), pool('b', 2)], networks: ['x', 'y'] });
    const after = anInventory({ networks: ['y', 'x'], pools: [pool('b', 7), pool('a', 0)] });
    expect(isSameInventory(before, { ...after, cpu: { ...after.cpu, mhz: 800 } })).toBe(true);
    expect(isSameInventory(before, { ...after, pools: [pool('a', 1)] })).toBe(false);
    expect(isSameInventory(before, { ...before, zone: 'a' })).toBe(false);
  });
});

describe('cordoning', () => {
  const cordon: HostCommand = { kind: 'CordonHost', hostId: id };
  const uncordon: HostCommand = { kind: 'UncordonHost', hostId: id };

  it.each<[string, readonly HostFact[], HostCommand, readonly HostFact[] | string]>([
    ['a host', [registered], cordon, [cordoned('user')]],
    ['one that is cordoned already', [registered, cordoned('user')], cordon, []],
    ['one that is cordoned by its protocol', [registered, cordoned('protocol')], cordon, [cordoned('user')]],
    ['one that is not there', [], cordon, 'HOST_NOT_FOUND'],
  ])('%s', (_title, given, command, then) => {
    expect(decided(given, command)).toEqual(then);
  });

  it.each<[string, readonly HostFact[], HostCommand, readonly HostFact[] | string]>([
    ['a host', [registered, cordoned('user')], uncordon, [uncordoned]],
    ['one that is not cordoned', [registered], uncordon, []],
    ['none whose protocol is not known', [registered, cordoned('protocol')], uncordon, 'HOST_WRONG_STATE'],
    ['one that is not there', [], uncordon, 'HOST_NOT_FOUND'],
  ])('is lifted from %s', (_title, given, command, then) => {
    expect(decided(given, command)).toEqual(then);
  });
});

describe('suspicion', () => {
  const suspect: HostCommand = { kind: 'SuspectHost', hostId: id, missedHeartbeats: 3 };
  const comeBack: HostCommand = { kind: 'ReturnHost', hostId: id };

  it('is recorded once, and so is the return', () => {
    expect(decided([registered], suspect)).toEqual([suspected]);
    expect(decided([registered, suspected], suspect)).toEqual([]);
    expect(decided([registered, suspected], comeBack)).toEqual([returned]);
    expect(decided([registered, suspected, returned], comeBack)).toEqual([]);
  });

  it('is not lifted by registering: only heartbeats show that a host answers', () => {
    expect(decided([registered, suspected], register(aRegistration({ bootNonce: 'boot-2' })))).toEqual([]);
  });
});
