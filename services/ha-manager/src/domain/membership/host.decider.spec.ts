import { describe, expect, it } from '@jest/globals';
import { clusterIdSchema, DEFAULT_CLUSTER, type HostFact, type HostInventory } from '@drover/contracts';
import { inventoryDigest } from '@drover/fleet-model';
import { anInventory, hostId } from '@drover/fleet-model/testing';
import { aFleet, anotherFleet, aRegistration, givenHost } from '../../testing/index.js';
import { hostDecider, type MembershipCommand } from './host.decider.js';
import { needsInventory, type Registration } from './registration.decider.js';

const id = hostId(1);
const { inventoryDigest: _, ...told } = aRegistration();
const registered: Extract<HostFact, { type: 'HostRegistered' }> = {
  type: 'HostRegistered',
  data: { ...told, inventory: anInventory(), clusterId: DEFAULT_CLUSTER, journalEpoch: 1 },
};
const started = (bootNonce: string): HostFact => ({ type: 'HostAgentStarted', data: { hostId: id, bootNonce } });
const stopped = (bootNonce: string): HostFact => ({ type: 'HostAgentStopped', data: { hostId: id, bootNonce } });
const cordoned = (by: 'user' | 'protocol'): HostFact => ({ type: 'HostCordoned', data: { hostId: id, by } });
const uncordoned: HostFact = { type: 'HostUncordoned', data: { hostId: id } };
const suspected: HostFact = { type: 'HostSuspected', data: { hostId: id, missedHeartbeats: 3 } };
const returned: HostFact = { type: 'HostReturned', data: { hostId: id } };

function register(registration: Registration, agentMayLiveMs = 0): MembershipCommand {
  return { kind: 'RegisterHost', registration, fleetId: aFleet, agentMayLiveMs };
}

function inventory(changes: Partial<HostInventory>, sequence = 1, journalEpoch = 1): MembershipCommand {
  return { kind: 'TakeInventory', hostId: id, journalEpoch, sequence, inventory: anInventory(changes) };
}

/** Given, when: the events or the code of the rejection. */
function decided(given: readonly HostFact[], command: MembershipCommand): readonly HostFact[] | string {
  const decision = hostDecider.decide(givenHost(...given), command);
  return decision.kind === 'accepted' ? decision.events : decision.rejection.code;
}

describe('registering a host', () => {
  it('makes an unknown host a member with journal epoch 1', () => {
    expect(decided([], register(aRegistration()))).toEqual([registered]);
  });

  it('changes nothing when the same agent registers again, with its inventory or without', () => {
    expect(decided([registered], register(aRegistration(), 1000))).toEqual([]);
    expect(decided([registered], register(aRegistration({ inventory: undefined }), 1000))).toEqual([]);
  });

  it('records which start of the agent it is, so that a clone is known also to the next ha-manager', () => {
    const again = aRegistration({ bootNonce: 'boot-2', inventory: undefined });
    expect(decided([registered], register(again))).toEqual([started('boot-2')]);
    expect(decided([registered, started('boot-2')], register(again))).toEqual([]);
  });

  it('says that the host has booted where its kernel says so, however soon its agent is back', () => {
    const first = { ...registered, data: { ...registered.data, hostBootId: 'kernel-1' } };
    const rebooted: HostFact = { type: 'HostRebooted', data: { hostId: id, hostBootId: 'kernel-2' } };
    const of = (hostBootId: string | undefined, changes: Partial<Registration> = {}) =>
      register(aRegistration({ bootNonce: 'boot-2', hostBootId, inventory: undefined, ...changes }));
    expect(decided([first], of('kernel-1'))).toEqual([started('boot-2')]);
    expect(decided([first], of('kernel-2'))).toEqual([rebooted, started('boot-2')]);
    expect(decided([first, rebooted, started('boot-2')], of('kernel-2'))).toEqual([]);
    // An agent that does not tell it, and the first that does, say nothing of a boot.
    expect(decided([first], of(undefined))).toEqual([started('boot-2')]);
    expect(decided([registered], of('kernel-2'))).toEqual([started('boot-2')]);
    const updated = of('kernel-2', { agentVersion: '2', inventory: anInventory() });
    expect(decided([first], updated)).toMatchObject([rebooted, { type: 'HostRegistered' }]);
  });

  it('needs the inventory where the host is not known as the digest says, and only there', () => {
    const slim = (changes: Partial<Registration> = {}) => aRegistration({ inventory: undefined, ...changes });
    const state = givenHost(registered);
    expect(needsInventory(state, slim({ bootNonce: 'boot-2' }))).toBe(false);
    // Its hypervisor cannot be heard: what is known stays.
    expect(needsInventory(state, slim({ inventoryDigest: undefined }))).toBe(false);
    expect(needsInventory(undefined, slim())).toBe(true);
    expect(needsInventory(state, slim({ journalId: 'b' }))).toBe(true);
    expect(needsInventory(state, slim({ agentVersion: '2' }))).toBe(true);
    expect(needsInventory(state, { ...slim(), inventoryDigest: inventoryDigest(anInventory({ images: [] })) })).toBe(
      true,
    );
    expect(needsInventory(undefined, aRegistration())).toBe(false);
  });

  it('notes where the host says that it has more than before', () => {
    const grown = decided([registered], register(aRegistration({}, { memoryMiB: 99_999 })));
    expect(grown).toMatchObject([{ data: { grewFrom: { cpuCount: 8, memoryMiB: 16_384 } } }]);
    const shrunk = decided([registered], register(aRegistration({}, { memoryMiB: 1024 })));
    expect(shrunk).toMatchObject([{ data: expect.not.objectContaining({ grewFrom: expect.anything() }) }]);
  });

  it('refuses a journal that is an older copy: what it has to report was heard, and must not come under a new epoch', () => {
    const heard: HostFact = {
      type: 'HostInventoryChanged',
      data: { hostId: id, inventory: anInventory(), source: { hostId: id, journalEpoch: 1, sequence: 6 } },
    };
    expect(decided([registered, heard], register(aRegistration({ lastSequence: 6 })))).toEqual([]);
    expect(decided([registered, heard], register(aRegistration({ lastSequence: 5 })))).toBe('JOURNAL_OUTDATED');
    // The new journal that the agent then begins.
    const renewed = register(aRegistration({ journalId: 'b', lastSequence: 0 }));
    expect(decided([registered, heard], renewed)).toMatchObject([
      { type: 'HostRegistered', data: { journalId: 'b', journalEpoch: 2 } },
    ]);
  });

  it('asks an agent whose journal is an older copy for no inventory first', () => {
    const heard: HostFact = {
      type: 'HostInventoryChanged',
      data: { hostId: id, inventory: anInventory(), source: { hostId: id, journalEpoch: 1, sequence: 6 } },
    };
    const older = aRegistration({ lastSequence: 5, inventory: undefined });
    expect(needsInventory(givenHost(registered, heard), older)).toBe(false);
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

  it('refuses a second agent with the same host id while the first may be alive, says how long, and only then', () => {
    const second = aRegistration({ bootNonce: 'boot-2' });
    expect(decided([registered], register(second, 1))).toBe('HOST_ID_IN_USE');
    expect(hostDecider.decide(givenHost(registered), register(second, 2500))).toMatchObject({
      rejection: { data: { retryAfterMs: 2500 } },
    });
    expect(decided([registered], register(second, 0))).toEqual([started('boot-2')]);
  });

  it('lets the next agent in at once when the one before said that it ended', () => {
    const leave: MembershipCommand = { kind: 'LeaveHost', hostId: id, bootNonce: 'boot-1' };
    expect(decided([registered], leave)).toEqual([stopped('boot-1')]);
    expect(decided([registered, stopped('boot-1')], leave)).toEqual([]);
    expect(decided([registered, stopped('boot-1')], register(aRegistration({ bootNonce: 'boot-2' }), 9000))).toEqual([
      started('boot-2'),
    ]);
    expect(decided([registered, stopped('boot-1')], register(aRegistration(), 9000))).toEqual([started('boot-1')]);
    // A clone speaks for itself alone.
    expect(decided([registered], { ...leave, bootNonce: 'boot-2' })).toEqual([]);
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
    const digest = inventoryDigest(before);
    expect(inventoryDigest({ ...after, cpu: { ...after.cpu, mhz: 800 } })).toBe(digest);
    expect(inventoryDigest({ ...after, pools: [pool('a', 1)] })).not.toBe(digest);
    expect(inventoryDigest({ ...before, hugePagesMiB: 2 })).not.toBe(digest);
  });
});

describe("an operator's word of a host", () => {
  const labelled = (labels: Record<string, string>): HostFact => ({
    type: 'HostLabelsChanged',
    data: { hostId: id, labels },
  });
  const label = (set: Record<string, string>, remove: string[] = []): MembershipCommand => ({
    kind: 'label',
    hostId: id,
    set,
    remove,
  });

  it('sets labels, takes others away, and leaves the rest', () => {
    const given = [registered, labelled({ disk: 'hdd', rack: '7', old: '' })];
    const after = labelled({ disk: 'nvme', rack: '7' });
    expect(decided(given, label({ disk: 'nvme' }, ['old', 'none']))).toEqual([after]);
    expect(decided([...given, after], label({ disk: 'nvme' }, ['old']))).toEqual([]);
    expect(decided([registered], label({ disk: 'nvme' }, ['disk']))).toBe('INVALID_FIELD');
    const many = Object.fromEntries(Array.from({ length: 64 }, (_item, n) => [`k${n}`, '']));
    expect(decided(given, label(many))).toBe('INVALID_FIELD');
    expect(decided([], label({ disk: 'nvme' }))).toBe('HOST_NOT_FOUND');
  });

  it('puts it into a zone and a cluster, each once', () => {
    const zoned: HostFact = { type: 'HostZoneChanged', data: { hostId: id, zone: 'east' } };
    expect(decided([registered], { kind: 'zone', hostId: id, zone: 'east' })).toEqual([zoned]);
    expect(decided([registered, zoned], { kind: 'zone', hostId: id, zone: 'east' })).toEqual([]);
    expect(decided([registered, zoned], { kind: 'zone', hostId: id, zone: null })).toHaveLength(1);
    const cluster = clusterIdSchema.parse('gold');
    const moved: HostFact = { type: 'HostClusterChanged', data: { hostId: id, clusterId: cluster } };
    expect(decided([registered], { kind: 'cluster', hostId: id, cluster })).toEqual([moved]);
    expect(decided([registered, moved], { kind: 'cluster', hostId: id, cluster })).toEqual([]);
  });

  it('outlives every registration, which is the word of the host', () => {
    const given: HostFact[] = [
      registered,
      labelled({ disk: 'nvme' }),
      { type: 'HostZoneChanged', data: { hostId: id, zone: 'east' } },
      { type: 'HostClusterChanged', data: { hostId: id, clusterId: clusterIdSchema.parse('gold') } },
    ];
    const again = decided(given, register(aRegistration({ journalId: 'new' }))) as readonly HostFact[];
    expect(again).toMatchObject([{ data: { clusterId: 'gold' } }]);
    expect(givenHost(...given, ...again)).toMatchObject({ labels: { disk: 'nvme' }, zone: 'east', clusterId: 'gold' });
  });
});

describe('what is heard of a host', () => {
  const lose: MembershipCommand = { kind: 'LoseHypervisor', hostId: id, why: 'libvirtd does not answer' };
  const regain: MembershipCommand = { kind: 'ReturnHypervisor', hostId: id };
  const refuse: MembershipCommand = { kind: 'RefuseClone', hostId: id, bootNonce: 'boot-2' };
  const forget: MembershipCommand = { kind: 'ForgetClone', hostId: id };

  it.each([
    ['a hypervisor that cannot be heard', lose, regain],
    ['a cloned machine', refuse, forget],
  ])('records %s once, and its end', (_title, begin, end) => {
    const begun = decided([registered], begin) as readonly HostFact[];
    expect(begun).toHaveLength(1);
    expect(decided([registered, ...begun], begin)).toEqual([]);
    const ended = decided([registered, ...begun], end) as readonly HostFact[];
    expect(ended).toHaveLength(1);
    expect(decided([registered, ...begun, ...ended], end)).toEqual([]);
  });
});

describe('cordoning', () => {
  const cordon: MembershipCommand = { kind: 'cordon', hostId: id };
  const uncordon: MembershipCommand = { kind: 'uncordon', hostId: id };

  it.each<[string, readonly HostFact[], MembershipCommand, readonly HostFact[] | string]>([
    ['a host', [registered], cordon, [cordoned('user')]],
    ['one that is cordoned already', [registered, cordoned('user')], cordon, []],
    ['one that is cordoned by its protocol', [registered, cordoned('protocol')], cordon, [cordoned('user')]],
    ['one that is not there', [], cordon, 'HOST_NOT_FOUND'],
  ])('%s', (_title, given, command, then) => {
    expect(decided(given, command)).toEqual(then);
  });

  it.each<[string, readonly HostFact[], MembershipCommand, readonly HostFact[] | string]>([
    ['a host', [registered, cordoned('user')], uncordon, [uncordoned]],
    ['one that is not cordoned', [registered], uncordon, []],
    ['none whose protocol is not known', [registered, cordoned('protocol')], uncordon, 'HOST_WRONG_STATE'],
    ['one that is not there', [], uncordon, 'HOST_NOT_FOUND'],
  ])('is lifted from %s', (_title, given, command, then) => {
    expect(decided(given, command)).toEqual(then);
  });
});

describe('suspicion', () => {
  const suspect: MembershipCommand = { kind: 'SuspectHost', hostId: id, missedHeartbeats: 3 };
  const comeBack: MembershipCommand = { kind: 'ReturnHost', hostId: id };

  it('is recorded once, and so is the return', () => {
    expect(decided([registered], suspect)).toEqual([suspected]);
    expect(decided([registered, suspected], suspect)).toEqual([]);
    expect(decided([registered, suspected], comeBack)).toEqual([returned]);
    expect(decided([registered, suspected, returned], comeBack)).toEqual([]);
  });

  it('is not lifted by registering: only heartbeats show that a host answers', () => {
    expect(decided([registered, suspected], register(aRegistration({ bootNonce: 'boot-2' })))).toEqual([
      started('boot-2'),
    ]);
  });
});
