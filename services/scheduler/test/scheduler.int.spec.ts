import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  explainAnswerSchema,
  Fault,
  placeAnswerSchema,
  type NewEvent,
  type StoredEvent,
  type StoredHostEvent,
  type StoredVmEvent,
} from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';
import { createMemoryEventStore, createMemoryLeaseStore, type EventStore, type LeaseStore } from '@drover/event-store';
import {
  hostCordoned,
  hostId,
  hostRegistered,
  reservationId,
  vmId,
  vmPlaced,
  vmRequested,
} from '@drover/fleet-model/testing';
import { connectMessaging, type NatsMessaging } from '@drover/messaging';
import { createMetrics, silentLogger } from '@drover/observability';
import { startService, type RunningService } from '@drover/service-kit';
import { startNats, type NatsServer } from '@drover/testing';
import { DEFAULT_POLICY, startReplica } from '../src/index.js';
import { aLoad } from '../src/testing/index.js';

const LEASE_TTL_MS = 500;
const PATIENCE_MS = 10_000;

describe('the scheduler on a real bus', () => {
  let server: NatsServer;
  let store: EventStore;
  let leases: LeaseStore;
  let asker: NatsMessaging;
  let running: { stop(): Promise<void> }[];

  beforeEach(async () => {
    server = await startNats();
    store = createMemoryEventStore();
    leases = createMemoryLeaseStore();
    running = [];
    asker = await connect('vm-manager');
  });

  afterEach(async () => {
    for (const each of running.reverse()) await each.stop();
    await server.stop();
  });

  async function connect(name: string): Promise<NatsMessaging> {
    const deadLetters = { keep: async () => undefined };
    const messaging = await connectMessaging({ name, servers: server.url, logger: silentLogger, deadLetters });
    running.push({ stop: () => messaging.close() });
    return messaging;
  }

  async function aReplica(longestReservationMs = DEFAULT_POLICY.longestReservationMs): Promise<RunningService> {
    const messaging = await connect('scheduler');
    const service = await startService(
      {
        name: 'scheduler',
        start: (context) =>
          startReplica(context, {
            store,
            messaging,
            leases,
            leaseTtlMs: LEASE_TTL_MS,
            policy: { ...DEFAULT_POLICY, longestReservationMs },
          }),
      },
      { logger: silentLogger, metrics: createMetrics() },
    );
    running.push(service);
    return service;
  }

  async function stored(...events: readonly (StoredVmEvent | StoredHostEvent)[]): Promise<void> {
    for (const [index, event] of events.entries()) {
      const { stream, type, schemaVersion, data, meta } = event;
      const id = derivedId(stream, `${type} ${index}`) as NewEvent['id'];
      await store.append(stream, 'any', [{ id, type, schemaVersion, data, meta }]);
    }
  }

  const question = (n: number, demand = {}) => ({
    vmId: vmId(n),
    demand: { vcpus: 1, memoryMiB: 1024, pools: {}, networks: [], images: [], firmware: 'bios', ...demand },
    placement: { policy: 'spread' as const },
    labels: {},
  });

  async function place(n: number, options: { ttlMs?: number; demand?: object; retry?: 'none' } = {}) {
    const query = { ...question(n, options.demand), reservationId: reservationId(n), ttlMs: options.ttlMs ?? 500 };
    const retry = options.retry ?? 'until-ttl';
    const answer = await asker.request('drover.query.placement.place', query, {
      ttlMs: PATIENCE_MS,
      retry,
      schema: placeAnswerSchema,
    });
    return answer.kind === 'answered' ? answer.value : answer.rejection;
  }

  it('places VMs that are asked for together on different hosts, each answered again alike', async () => {
    await stored(hostRegistered(hostId(1)), hostRegistered(hostId(2)), hostRegistered(hostId(3)));
    await aReplica();
    const answers = await Promise.all([1, 2, 3].map((n) => place(n)));
    const hosts = answers.map((answer) => ('hostId' in answer ? answer.hostId : undefined));
    expect(hosts.sort()).toEqual([hostId(1), hostId(2), hostId(3)]);
    expect(await Promise.all([1, 2, 3].map((n) => place(n)))).toEqual(answers);
  }, 20_000);

  it('follows the store and the loads of hosts', async () => {
    await stored(hostRegistered(hostId(1)));
    await aReplica();
    expect(await place(1)).toMatchObject({ kind: 'placed', hostId: hostId(1) });
    await stored(hostRegistered(hostId(2)), hostCordoned(hostId(1)));
    await untilPlacedOn(hostId(2));
    // The load is lossy: it is sent until it shows.
    for (let n = 100; ; n += 1) {
      asker.publish(`drover.host.${hostId(2)}.load`, aLoad(2, { memoryUsedMiB: 16_384 }));
      const answer = await place(n);
      if ('counts' in answer) {
        expect(answer).toMatchObject({ kind: 'no-host-fits', counts: { cordon: 1, memory: 1 } });
        break;
      }
      if (n > 200) throw new Error('the load was never heard');
    }
  }, 20_000);

  /** Asks until there is an answer, more often than a repeated request would. */
  async function untilAnswered(n: number) {
    for (const deadline = performance.now() + PATIENCE_MS; ;) {
      try {
        return await place(n, { retry: 'none' });
      } catch (error) {
        if (!(error instanceof Fault) || error.code !== 'SERVICE_UNAVAILABLE' || performance.now() > deadline)
          throw error;
      }
    }
  }

  async function untilPlacedOn(host: string): Promise<void> {
    for (let n = 2; n < 100; n += 1) {
      const answer = await place(n);
      if ('hostId' in answer && answer.hostId === host) return;
    }
    throw new Error(`nothing is placed on ${host}`);
  }

  it('explains every host in pages', async () => {
    await stored(hostRegistered(hostId(1)), hostRegistered(hostId(2)), hostCordoned(hostId(1)));
    await aReplica();
    await place(9);
    const explain = async (afterHostId?: string) => {
      const query = { ...question(1), limit: 1, ...(afterHostId === undefined ? {} : { afterHostId }) };
      const answer = await asker.request('drover.query.placement.explain', query, {
        ttlMs: PATIENCE_MS,
        schema: explainAnswerSchema,
      });
      return answer.kind === 'answered' ? answer.value : answer.rejection;
    };
    expect(await explain()).toMatchObject({
      candidates: [{ kind: 'fits', hostId: hostId(2) }],
      total: 2,
      nextAfterHostId: hostId(2),
    });
    const last = await explain(hostId(2));
    expect(last).toMatchObject({ candidates: [{ kind: 'refused', hostId: hostId(1), filter: 'cordon' }], total: 2 });
    expect(last).not.toHaveProperty('nextAfterHostId');
    expect(await explain(hostId(7))).toMatchObject({ code: 'INVALID_FIELD', field: '/afterHostId' });
  }, 20_000);

  it('hands over to a standby, which knows what was placed', async () => {
    await stored(hostRegistered(hostId(1)), hostRegistered(hostId(2)));
    const first = await aReplica();
    expect(await place(1)).toMatchObject({ hostId: hostId(1) });
    await aReplica();
    await stored(vmRequested(vmId(1), { memory: { sizeMiB: 1024 } }), vmPlaced(vmId(1), hostId(1), reservationId(1)));
    await first.stop();
    expect(await place(2)).toMatchObject({ hostId: hostId(2) });
    expect(await place(1)).toMatchObject({ code: 'SUPERSEDED', data: { hostId: hostId(1) } });
  }, 20_000);

  it('answers nothing after a takeover while capacity may be held that it does not know of', async () => {
    const longestReservationMs = 1500;
    await stored(hostRegistered(hostId(1)), vmRequested(vmId(1)));
    const first = await aReplica(longestReservationMs);
    await place(1);
    const standby = await aReplica(longestReservationMs);
    expect((await standby.health.ready()).isOk).toBe(true);
    const stoppedAt = performance.now();
    await first.stop();
    expect(await untilAnswered(2)).toMatchObject({ kind: 'placed' });
    expect(performance.now() - stoppedAt).toBeGreaterThanOrEqual(longestReservationMs);
  }, 20_000);

  it('gives up its lease when it meets an event that it does not know', async () => {
    await stored(hostRegistered(hostId(1)));
    const replica = await aReplica();
    await place(1);
    const { meta } = vmRequested(vmId(1)) as StoredEvent;
    const id = derivedId('unknown', 0) as NewEvent['id'];
    await store.append(`vm-${vmId(1)}`, 'any', [{ id, type: 'VmTeleported', schemaVersion: 1, data: {}, meta }]);
    for (;;) {
      const failure = await place(2, { retry: 'none' }).catch((error: unknown) => error);
      if (failure instanceof Fault) {
        expect(failure).toMatchObject({ code: 'SERVICE_UNAVAILABLE', outcome: 'not-applied' });
        break;
      }
    }
    expect(await replica.health.ready()).toMatchObject({ isOk: false, checks: { events: { isOk: false } } });
  }, 20_000);
});
