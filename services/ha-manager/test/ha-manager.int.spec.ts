import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  commandAcceptedSchema,
  commandIdSchema,
  heartbeatAnswerSchema,
  registeredSchema,
  reportsAcknowledgedSchema,
  type HeartbeatAnswer,
} from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';
import {
  createMemoryEventStore,
  createMemoryLeaseStore,
  type LeaseStore,
  type MemoryEventStore,
} from '@drover/event-store';
import { anInventory, hostId } from '@drover/fleet-model/testing';
import { connectMessaging, type NatsMessaging } from '@drover/messaging';
import { createMetrics, silentLogger } from '@drover/observability';
import { startService, type RunningService } from '@drover/service-kit';
import { startNats, type NatsServer } from '@drover/testing';
import { DEFAULT_LIVENESS, startReplica } from '../src/index.js';
import { aFleet, anotherFleet, aRegistration } from '../src/testing/index.js';

const LEASE_TTL_MS = 500;
const PATIENCE_MS = 10_000;
const id = hostId(1);
const subject = `drover.host.${id}`;

describe('the ha-manager on a real bus', () => {
  let server: NatsServer;
  let store: MemoryEventStore;
  let leases: LeaseStore;
  let agent: NatsMessaging;
  let gateway: NatsMessaging;
  let running: { stop(): Promise<void> }[];

  beforeEach(async () => {
    server = await startNats();
    store = createMemoryEventStore();
    leases = createMemoryLeaseStore();
    running = [];
    agent = await connect(`host-${id}`);
    gateway = await connect('api-gateway');
  });

  afterEach(async () => {
    for (const each of running.reverse()) await each.stop();
    await server.stop();
  });

  async function connect(name: string): Promise<NatsMessaging> {
    const { deadLetters } = store;
    const messaging = await connectMessaging({ name, servers: server.url, logger: silentLogger, deadLetters });
    running.push({ stop: () => messaging.close() });
    return messaging;
  }

  async function aReplica(fleetId = aFleet): Promise<RunningService> {
    const messaging = await connect('ha-manager');
    const service = await startService(
      {
        name: 'ha-manager',
        start: (context) =>
          startReplica(context, {
            fleetId,
            store,
            deadLetters: store.deadLetters,
            foldSnapshots: store.foldSnapshots,
            messaging,
            leases,
            leaseTtlMs: LEASE_TTL_MS,
            liveness: { ...DEFAULT_LIVENESS, heartbeatIntervalMs: 200, graceMs: 1000 },
          }),
      },
      { logger: silentLogger, metrics: createMetrics() },
    );
    running.push(service);
    return service;
  }

  async function report(payload: object) {
    const answer = await agent.request(`${subject}.report.host`, payload, { ttlMs: PATIENCE_MS, retry: 'until-ttl' });
    return answer.kind === 'answered' ? answer.value : answer.rejection;
  }

  const register = (changes: object = {}) => report({ kind: 'register', ...aRegistration(), ...changes });

  async function beat(sequence: number, bootNonce = 'boot-1'): Promise<HeartbeatAnswer> {
    const answer = await agent.request(
      `${subject}.heartbeat`,
      { sequence, bootNonce },
      { ttlMs: PATIENCE_MS, retry: 'until-ttl', schema: heartbeatAnswerSchema },
    );
    if (answer.kind === 'rejected') throw new Error(answer.rejection.detail);
    return answer.value;
  }

  async function command(verb: 'cordon' | 'uncordon', n: number) {
    const commandId = commandIdSchema.parse(derivedId('command', n));
    const payload = { kind: verb, commandId, actor: { kind: 'user', id: 'a-user' }, hostId: id };
    return gateway.request(`drover.command.host.${verb}`, payload, {
      ttlMs: PATIENCE_MS,
      retry: 'until-ttl',
      schema: commandAcceptedSchema,
    });
  }

  const types = async () => (await store.read(`host-${id}`)).map((event) => event.type);

  /** Looks again and again, and sends heartbeats meanwhile if it has some. */
  async function until(isSo: () => Promise<boolean>, meanwhile: () => Promise<unknown> = async () => agent.flush()) {
    for (const deadline = performance.now() + PATIENCE_MS; !(await isSo()); await meanwhile()) {
      if (performance.now() > deadline) throw new Error('it never became so');
    }
  }

  it('takes a host from its registration through silence to its return', async () => {
    await aReplica();
    expect(registeredSchema.parse(await register())).toMatchObject({ fleetId: aFleet, journalEpoch: 1 });
    expect(await beat(7)).toMatchObject({
      sequence: 7,
      membershipVersion: 1,
      mustRegister: false,
      nextIntervalMs: 200,
    });
    await until(async () => (await types()).includes('HostSuspected'));
    await until(
      async () => (await types()).includes('HostReturned'),
      () => beat(8),
    );
    expect(await types()).toEqual(['HostRegistered', 'HostSuspected', 'HostReturned']);
    const [registered] = await store.read(`host-${id}`);
    expect(registered?.meta).toMatchObject({ actor: { kind: 'host', id } });
  }, 30_000);

  it('cordons and uncordons, each once', async () => {
    await aReplica();
    await register();
    const cordoned = await command('cordon', 1);
    expect(cordoned).toMatchObject({ kind: 'answered', value: { subjectId: id, revision: 1 } });
    expect(await command('cordon', 1)).toEqual(cordoned);
    expect(await command('uncordon', 2)).toMatchObject({ kind: 'answered', value: { revision: 2 } });
    expect((await types()).slice(0, 3)).toEqual(['HostRegistered', 'HostCordoned', 'HostUncordoned']);
  }, 30_000);

  it('acknowledges reports, keeps the unreadable one and lets no host speak for another', async () => {
    await aReplica();
    await register();
    const at = '2026-01-01T00:00:00Z';
    const reports = [
      { sequence: 1, at, report: { kind: 'nonsense' } },
      { sequence: 2, at, report: { kind: 'inventory-changed', inventory: anInventory({ images: [] }) } },
    ];
    const message = { kind: 'reports', hostId: id, journalEpoch: 1, reports };
    expect(reportsAcknowledgedSchema.parse(await report(message))).toMatchObject({ throughSequence: 2 });
    expect(await store.deadLetters.list()).toMatchObject([{ source: 'ha-manager', subject: `${subject}.report.host` }]);
    expect((await types()).filter((type) => type === 'HostInventoryChanged')).toHaveLength(1);
    expect(await report({ ...message, hostId: hostId(2) })).toMatchObject({ code: 'FORBIDDEN' });
  }, 30_000);

  it('refuses clones, strangers and protocols that it cannot read', async () => {
    await aReplica();
    await register();
    expect(await register({ bootNonce: 'boot-2' })).toMatchObject({ code: 'HOST_ID_IN_USE' });
    expect(await register({ fleetId: anotherFleet })).toMatchObject({ code: 'FLEET_MISMATCH' });
    expect((await types()).filter((type) => type === 'HostRegistered')).toHaveLength(1);
    const ofLater = { protocolVersion: 9, novelty: true };
    expect(await register(ofLater)).toMatchObject({ kind: 'registered', isCordoned: true });
  }, 30_000);

  it('refuses to start on the store of another fleet', async () => {
    await aReplica();
    await expect(aReplica(anotherFleet)).rejects.toMatchObject({ code: 'FLEET_MISMATCH' });
    const created = (await store.read('cluster-default')).filter(({ type }) => type === 'ClusterCreated');
    expect(created).toHaveLength(1);
  }, 30_000);

  it('raises its term when a standby takes over, and goes on with the hosts that are there', async () => {
    const first = await aReplica();
    await register();
    const { term } = await beat(1);
    await aReplica();
    await first.stop();
    const next = await beat(2);
    expect(next).toMatchObject({ mustRegister: false, membershipVersion: 1 });
    expect(next.term).toBeGreaterThan(term);
  }, 30_000);

  it('raises its term also when NATS has lost its files', async () => {
    const first = await aReplica();
    await register();
    const { term } = await beat(1);
    await first.stop();
    await server.wipe();
    await server.start();
    await aReplica();
    expect((await beat(2)).term).toBe(term + 1);
  }, 30_000);

  it('suspects no host for an outage of the bus', async () => {
    await aReplica();
    await register();
    await server.kill9();
    // No state to wait for: that the outage lasts, many heartbeats long, is what is tested.
    await sleep(1500);
    await server.start();
    const backAt = performance.now();
    let sequence = 0;
    const hasBeenBack = async () => (await types()).length > 1 || performance.now() - backAt > 2000;
    await until(hasBeenBack, () => beat((sequence += 1)));
    expect(await types()).toEqual(['HostRegistered']);
  }, 30_000);
});
