import { beforeEach, describe, expect, it } from '@jest/globals';
import { commandIdSchema, type HostReport, type StoredEvent, type StoredHostEvent, errors } from '@drover/contracts';
import { createMemoryEventStore, type EventStore } from '@drover/event-store';
import { inventoryDigest } from '@drover/fleet-model';
import { anInventory, hostId } from '@drover/fleet-model/testing';
import { DEFAULT_LIVENESS } from '../domain/liveness/liveness.state.js';
import { aFleet, anotherFleet, aRegistration, ManualClock } from '../testing/index.js';
import { AnswerHeartbeatHandler } from './answer-heartbeat.handler.js';
import { claimStore } from './claim-store.handler.js';
import { HostDirectory } from './host-directory.state.js';
import { HostStreamHandler } from './host-stream.handler.js';
import { JudgeLiveness } from './judge-liveness.reconciler.js';
import { Liveness } from './liveness.state.js';
import type { UnreadableReport } from './ports/dead-letters.port.js';
import { RegisterHostHandler } from './register-host.handler.js';
import { TakeHostReportsHandler } from './take-host-reports.handler.js';
import { WriteHostHandler } from './write-host.handler.js';

const id = hostId(1);
const command = (kind: 'cordon' | 'uncordon', n: number) => ({
  kind,
  commandId: commandIdSchema.parse(`00000007-0000-7000-8000-00000000000${n}`),
  actor: { kind: 'user' as const, id: 'a-user' },
  hostId: id,
});

describe('membership', () => {
  let store: EventStore;
  let clock: ManualClock;
  let letters: UnreadableReport[];
  let isListening: boolean;
  let term: number | undefined;

  beforeEach(() => {
    store = createMemoryEventStore();
    clock = new ManualClock();
    letters = [];
    isListening = true;
    term = 7;
  });

  /** An ha-manager that has read the store to its tail. */
  async function aManager() {
    const claim = await claimStore(store, aFleet, clock);
    const streams = new HostStreamHandler(store, clock);
    const directory = new HostDirectory(streams.folds);
    for (const event of await store.read(`host-${id}`)) streams.folds.follow(event as StoredHostEvent);
    const liveness = new Liveness(DEFAULT_LIVENESS, clock, directory);
    const keep = async (letter: UnreadableReport) => void letters.push(letter);
    const register = new RegisterHostHandler(streams, directory, liveness, claim, () => term);
    return {
      directory,
      folds: streams.folds,
      register: (changes = {}, inventory = {}) => register.register(aRegistration(changes, inventory)),
      cordon: new WriteHostHandler(streams),
      leave: (bootNonce: string) => register.leave(id, bootNonce),
      heartbeats: new AnswerHeartbeatHandler(directory, liveness, () => term),
      reports: new TakeHostReportsHandler(streams, { keep }),
      judge: new JudgeLiveness(liveness, streams, () => isListening),
    };
  }

  type Manager = Awaited<ReturnType<typeof aManager>>;

  const types = async (): Promise<readonly string[]> =>
    (await store.read(`host-${id}`)).map((event: StoredEvent) => event.type);

  const reports = (...reported: readonly [number, unknown][]) => ({
    kind: 'reports' as const,
    hostId: id,
    journalEpoch: 1,
    reports: reported.map(([sequence, report]) => ({ sequence, at: '2026-01-01T00:00:00Z', report })),
  });
  const inventoryReport = (memoryMiB: number): HostReport => ({
    kind: 'inventory-changed',
    inventory: anInventory({ memoryMiB }),
  });

  /** Ticks as the service does, with or without heartbeats. */
  async function pass(manager: Manager, ms: number, isHeard: boolean): Promise<void> {
    for (let passed = 0; passed < ms; passed += 500) {
      clock.advance(500);
      if (isHeard) manager.heartbeats.answer(id, { sequence: 1, bootNonce: 'boot-1' });
      await manager.judge.reconcile();
    }
  }

  it('claims an empty store for its fleet, once, and refuses that of another', async () => {
    const first = await claimStore(store, aFleet, clock);
    expect(await claimStore(store, aFleet, clock)).toEqual(first);
    expect(await store.read('cluster-default')).toHaveLength(1);
    await expect(claimStore(store, anotherFleet, clock)).rejects.toMatchObject({ code: 'FLEET_MISMATCH' });
  });

  it('lets one of two claims of an empty store win and both know of it', async () => {
    const claims = await Promise.allSettled([
      claimStore(store, aFleet, clock),
      claimStore(store, anotherFleet, clock),
      claimStore(store, aFleet, clock),
    ]);
    expect(claims.map((claim) => claim.status).sort()).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    expect(await store.read('cluster-default')).toHaveLength(1);
  });

  it('registers a host and tells it what it needs to know', async () => {
    const manager = await aManager();
    expect(await manager.register()).toEqual({
      kind: 'registered',
      fleetId: aFleet,
      storeEpoch: 1,
      journalEpoch: 1,
      heartbeatIntervalMs: 1000,
      isCordoned: false,
    });
    expect(await types()).toEqual(['HostRegistered']);
  });

  it('writes one event for a registration that is repeated while the first is under way', async () => {
    const manager = await aManager();
    await Promise.all([manager.register(), manager.register(), manager.register()]);
    expect(await types()).toEqual(['HostRegistered']);
  });

  it('decides anew when another ha-manager has written in between', async () => {
    const old = await aManager();
    const active = await aManager();
    await active.register();
    await active.cordon.handle(command('cordon', 1));
    expect(await old.register({ agentVersion: '2' })).toMatchObject({ journalEpoch: 1, isCordoned: true });
    expect(await types()).toEqual(['HostRegistered', 'HostCordoned', 'HostRegistered']);
  });

  it('refuses a clone while the first agent is alive, and takes a restarted agent once that has been silent', async () => {
    const manager = await aManager();
    await manager.register();
    await pass(manager, 15_000, true);
    expect(await manager.register({ bootNonce: 'boot-2' })).toMatchObject({
      code: 'HOST_ID_IN_USE',
      data: { retryAfterMs: 3000 },
    });
    await pass(manager, 2500, false);
    expect(await manager.register({ bootNonce: 'boot-2' })).toMatchObject({ data: { retryAfterMs: 500 } });
    await pass(manager, 500, false);
    expect(await manager.register({ bootNonce: 'boot-2' })).toMatchObject({ kind: 'registered' });
    expect(await manager.register({ bootNonce: 'boot-1' })).toMatchObject({ code: 'HOST_ID_IN_USE' });
  });

  it('admits no clone after a takeover, whichever machine speaks first', async () => {
    const before = await aManager();
    await before.register();
    await pass(before, 15_000, true);
    const next = await aManager();
    await next.judge.reconcile();
    expect(await next.register({ bootNonce: 'clone' })).toMatchObject({ code: 'HOST_ID_IN_USE' });
    expect(next.heartbeats.answer(id, { sequence: 1, bootNonce: 'clone' })).toMatchObject({ mustRegister: true });
    expect(next.heartbeats.answer(id, { sequence: 9, bootNonce: 'boot-1' })).toMatchObject({ mustRegister: false });
    expect(await next.register()).toMatchObject({ kind: 'registered' });
    // Nor once the grace has passed: the first agent has been heard.
    await pass(next, 20_000, true);
    expect(await next.register({ bootNonce: 'clone' })).toMatchObject({ code: 'HOST_ID_IN_USE' });
  });

  it('lets no clone in after an outage in which no host was heard', async () => {
    const manager = await aManager();
    await manager.register();
    await pass(manager, 15_000, true);
    isListening = false;
    await pass(manager, 60_000, false);
    isListening = true;
    await pass(manager, 500, false);
    expect(await manager.register({ bootNonce: 'clone' })).toMatchObject({ code: 'HOST_ID_IN_USE' });
  });

  it('sounds the alarm when two machines speak with one id, until the second is gone', async () => {
    const manager = await aManager();
    await manager.register();
    await pass(manager, 15_000, true);
    await manager.register({ bootNonce: 'clone' });
    await pass(manager, 2000, true);
    expect(await types()).toEqual(['HostRegistered', 'HostCloneRefused']);
    expect(manager.directory.get(id).state?.isCloned).toBe(true);
    await manager.register({ bootNonce: 'clone' });
    await pass(manager, 599_000, true);
    expect(await types()).toHaveLength(2);
    await pass(manager, 3000, true);
    expect(await types()).toEqual(['HostRegistered', 'HostCloneRefused', 'HostCloneGone']);
  });

  it('lets a restarted agent in at once whose former self said that it ended, also after a takeover', async () => {
    const before = await aManager();
    await before.register();
    await before.leave('boot-1');
    const next = await aManager();
    expect(await next.register({ bootNonce: 'boot-2' })).toMatchObject({ kind: 'registered' });
    expect(await types()).toEqual(['HostRegistered', 'HostAgentStopped', 'HostAgentStarted']);
  });

  it('asks for the inventory of a host that it does not know by its digest, and only then', async () => {
    const manager = await aManager();
    const slim = { inventory: undefined };
    expect(await manager.register(slim)).toEqual({ kind: 'inventory-needed' });
    expect(await types()).toEqual([]);
    await manager.register();
    expect(await manager.register(slim)).toMatchObject({ kind: 'registered' });
    expect(await types()).toEqual(['HostRegistered']);
    const other = inventoryDigest(anInventory({ images: [] }));
    expect(await manager.register({ ...slim, inventoryDigest: other })).toEqual({ kind: 'inventory-needed' });
  });

  it('takes so many events on the word of a host and no more, whatever it says', async () => {
    const manager = await aManager();
    for (let n = 0; n < 100; n += 1) {
      // A host that forgets its journal each time, and one that tells two inventories in turn.
      await manager.register({ journalId: `journal-${n}` }).catch(() => undefined);
      await manager.register({ journalId: 'last' }, { memoryMiB: 1024 + n }).catch(() => undefined);
    }
    expect(await types()).toHaveLength(30);
    await expect(manager.register({ journalId: 'one more' })).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    // What others say of it is not counted.
    expect(await manager.cordon.handle(command('cordon', 1))).toMatchObject({ value: { revision: 30 } });
    clock.advance(60_000);
    expect(await manager.register({ journalId: 'one more' })).toMatchObject({ kind: 'registered' });
    expect(await types()).toHaveLength(32);
  });

  it('records that a hypervisor cannot be heard as long as heartbeats say so, however often that changes', async () => {
    const manager = await aManager();
    await manager.register();
    const said = async (hypervisorFault?: string) => {
      manager.heartbeats.answer(id, { sequence: 1, bootNonce: 'boot-1', ...(hypervisorFault && { hypervisorFault }) });
      await pass(manager, 500, false);
    };
    await said('no answer');
    await said('no answer');
    await said();
    expect(await types()).toEqual(['HostRegistered', 'HostHypervisorLost', 'HostHypervisorReturned']);
    for (let n = 0; n < 50; n += 1) await said(n % 2 === 0 ? 'no answer' : undefined);
    expect((await types()).length).toBeLessThan(32);
  });

  it('lets one of two clones in that register in the same moment', async () => {
    const manager = await aManager();
    const answers = await Promise.all([manager.register(), manager.register({ bootNonce: 'boot-2' })]);
    expect(answers).toMatchObject([{ kind: 'registered' }, { code: 'HOST_ID_IN_USE' }]);
  });

  it('answers heartbeats with its term, and sends unknown agents to register', async () => {
    const manager = await aManager();
    const beat = (bootNonce: string) => manager.heartbeats.answer(id, { sequence: 42, bootNonce });
    expect(beat('boot-1')).toMatchObject({ mustRegister: true, membershipVersion: 0 });
    await manager.register();
    expect(beat('boot-1')).toEqual({
      term: 7,
      sequence: 42,
      membershipVersion: 1,
      nextIntervalMs: 1000,
      mustRegister: false,
    });
    expect(beat('boot-2')).toMatchObject({ mustRegister: true });
  });

  it('gives no lease while it holds none itself', async () => {
    const manager = await aManager();
    await manager.register();
    term = undefined;
    expect(() => manager.heartbeats.answer(id, { sequence: 1, bootNonce: 'boot-1' })).toThrow(
      expect.objectContaining({ code: 'SERVICE_UNAVAILABLE', outcome: 'not-applied' }),
    );
  });

  it.each<[string, (manager: Manager) => Promise<unknown>, readonly string[]]>([
    ['registration', (manager) => manager.register({ agentVersion: '2' }), ['HostRegistered', 'HostRegistered']],
    ['cordon', (manager) => manager.cordon.handle(command('cordon', 1)), ['HostRegistered', 'HostCordoned']],
    [
      'report',
      (manager) => manager.reports.take(reports([1, inventoryReport(1)]), 's'),
      ['HostRegistered', 'HostInventoryChanged'],
    ],
  ])('recognises its own append when the answer was lost and the %s is repeated', async (_title, act, then) => {
    const manager = await aManager();
    await manager.register();
    const append = store.append.bind(store);
    store.append = async (...given) => {
      await append(...given);
      throw errors.STORE_UNAVAILABLE('unknown', 'cut');
    };
    await expect(act(manager)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    store.append = append;
    expect(await act(manager)).not.toHaveProperty('code');
    expect(await types()).toEqual(then);
    expect(manager.directory.get(id).revision).toBe(1);
  });

  it('takes the heartbeats of known hosts after its own restart', async () => {
    await (await aManager()).register();
    const restarted = await aManager();
    expect(restarted.heartbeats.answer(id, { sequence: 1, bootNonce: 'boot-1' })).toMatchObject({
      mustRegister: false,
    });
  });

  it('suspects a host that falls silent and notes its return, once each', async () => {
    const manager = await aManager();
    await manager.register();
    await pass(manager, 20_000, true);
    expect(await types()).toEqual(['HostRegistered']);
    await pass(manager, 20_000, false);
    expect(await types()).toEqual(['HostRegistered', 'HostSuspected']);
    await pass(manager, 5000, true);
    expect(await types()).toEqual(['HostRegistered', 'HostSuspected', 'HostReturned']);
  });

  it('suspects no host for an outage of its own connection', async () => {
    const manager = await aManager();
    await manager.register();
    isListening = false;
    await pass(manager, 60_000, false);
    isListening = true;
    await pass(manager, 5000, false);
    await pass(manager, 30_000, true);
    expect(await types()).toEqual(['HostRegistered']);
  });

  it('suspects a silent host again after the store could not be reached', async () => {
    const manager = await aManager();
    await manager.register();
    await pass(manager, 1000, true);
    const append = store.append.bind(store);
    store.append = async () => Promise.reject(new Error('down'));
    await expect(pass(manager, 20_000, false)).rejects.toThrow('down');
    store.append = append;
    await pass(manager, 1000, false);
    expect(await types()).toEqual(['HostRegistered', 'HostSuspected']);
  });

  it('refuses a command under the id of another one that was done', async () => {
    const manager = await aManager();
    await manager.register();
    await manager.cordon.handle(command('cordon', 1));
    await manager.cordon.handle(command('uncordon', 2));
    expect(await manager.cordon.handle(command('cordon', 2))).toMatchObject({
      rejection: { code: 'IDEMPOTENCY_KEY_REUSED' },
    });
    expect(await types()).toEqual(['HostRegistered', 'HostCordoned', 'HostUncordoned']);
  });

  it('cordons and uncordons with the position to read from', async () => {
    const manager = await aManager();
    await manager.register();
    const cordoned = await manager.cordon.handle(command('cordon', 1));
    expect(cordoned).toMatchObject({ value: { subjectId: id, revision: 1 } });
    expect(await manager.cordon.handle(command('cordon', 2))).toEqual(cordoned);
    expect(await manager.cordon.handle(command('uncordon', 3))).toMatchObject({ value: { revision: 2 } });
    expect(await types()).toEqual(['HostRegistered', 'HostCordoned', 'HostUncordoned']);
  });

  it('does not cordon again for a late copy of a command', async () => {
    const manager = await aManager();
    await manager.register();
    await manager.cordon.handle(command('cordon', 1));
    await manager.cordon.handle(command('uncordon', 2));
    await manager.cordon.handle(command('cordon', 1));
    expect(await types()).toEqual(['HostRegistered', 'HostCordoned', 'HostUncordoned']);
    expect(manager.directory.get(id).state?.isCordonedByUser).toBe(false);
  });

  it('is not led astray when the store brings its own events again', async () => {
    const manager = await aManager();
    await manager.register();
    await manager.cordon.handle(command('cordon', 1));
    await manager.cordon.handle(command('uncordon', 2));
    const before = manager.directory.get(id);
    for (const event of (await store.read(`host-${id}`)).slice(0, 2)) manager.folds.follow(event as StoredHostEvent);
    expect(manager.directory.get(id)).toEqual(before);
  });

  it('acknowledges reports after their append, and repeats without another', async () => {
    const manager = await aManager();
    await manager.register();
    const message = reports([1, inventoryReport(1)], [2, inventoryReport(2)]);
    expect(await manager.reports.take(message, 's')).toEqual({ kind: 'acknowledged', throughSequence: 2 });
    expect(await manager.reports.take(message, 's')).toEqual({ kind: 'acknowledged', throughSequence: 2 });
    expect(await types()).toEqual(['HostRegistered', 'HostInventoryChanged', 'HostInventoryChanged']);
    expect(manager.directory.get(id).state?.inventory.memoryMiB).toBe(2);
  });

  it('keeps an unreadable report as a dead letter and goes on to the next', async () => {
    const manager = await aManager();
    await manager.register();
    const message = reports([1, { kind: 'nonsense' }], [2, inventoryReport(2)]);
    expect(await manager.reports.take(message, 'the-lane')).toEqual({ kind: 'acknowledged', throughSequence: 2 });
    expect(letters).toMatchObject([{ source: 'ha-manager', subject: 'the-lane' }]);
    expect(await types()).toEqual(['HostRegistered', 'HostInventoryChanged']);
  });

  it('sends a host that it does not know to register before it takes its reports', async () => {
    const manager = await aManager();
    expect(await manager.reports.take(reports([1, inventoryReport(1)]), 's')).toMatchObject({ code: 'HOST_NOT_FOUND' });
    expect(await store.read(`host-${id}`)).toEqual([]);
  });
});
