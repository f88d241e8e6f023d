import 'reflect-metadata';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { eventIdSchema, eventMetaSchema, Fault, START, type Position, type StoredEvent } from '@drover/contracts';
import { createMemoryEventStore, createMemoryLeaseStore, type EventStore, type LeaseStore } from '@drover/event-store';
import { createMetrics, silentLogger } from '@drover/observability';
import { Controller, type INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import { z } from 'zod';
import {
  ACTIVE_GROUP,
  answered,
  createMemoryBus,
  DroverTransportStrategy,
  OnRequest,
  type Answer,
  type MemoryBus,
  type Messaging,
} from '@drover/messaging';
import { createHealth, type CheckResult } from '../health.js';
import { runReplica, type Replica, type ReplicaOptions } from './replica.runner.js';

const LEASE_TTL_MS = 1_000;
const meta = eventMetaSchema.parse({ at: '2025-01-31T12:00:00.000Z', actor: { kind: 'service', id: 'spec' } });

@Controller()
class QuestionController {
  @OnRequest('query.spec.question', z.unknown(), { group: ACTIVE_GROUP })
  answer(): Answer {
    return answered('heard');
  }
}

class QuestionModule {}
Reflect.defineMetadata('controllers', [QuestionController], QuestionModule);

describe('a replica', () => {
  let store: EventStore;
  let bus: MemoryBus;
  let messaging: Messaging;
  let strategy: DroverTransportStrategy;
  let app: INestMicroservice;
  let leases: LeaseStore & { isDown: boolean };
  let did: string[];
  let failures: unknown[];
  let checks: Map<string, () => Promise<CheckResult> | CheckResult>;
  let closers: (() => Promise<void>)[];

  beforeEach(async () => {
    store = createMemoryEventStore();
    bus = createMemoryBus();
    ({ messaging, strategy, app } = await listenOn(bus));
    leases = breakable(createMemoryLeaseStore());
    jest.useFakeTimers();
    [did, failures, checks, closers] = [[], [], new Map(), []];
  });

  afterEach(async () => {
    await stop();
    jest.useRealTimers();
    await app.close();
    await messaging.close();
    await store.close();
  });

  async function stop(): Promise<void> {
    let isStopped = false;
    const stopping = (async () => {
      for (const close of closers.splice(0).reverse()) await close();
      isStopped = true;
    })();
    await until(() => isStopped);
    await stopping;
  }

  async function listenOn(where: MemoryBus) {
    const deadLetters = { keep: async () => undefined };
    const connected = where.connect({ name: 'administrator', logger: silentLogger, deadLetters });
    const hearing = new DroverTransportStrategy({ messaging: connected, queue: 'spec' });
    const listening = await NestFactory.createMicroservice<MicroserviceOptions>(QuestionModule, {
      strategy: hearing,
      logger: false,
    });
    await listening.listen();
    return { messaging: connected, strategy: hearing, app: listening };
  }

  function run(options: Partial<ReplicaOptions<StoredEvent>> = {}): Replica {
    const context = {
      logger: silentLogger,
      metrics: createMetrics(),
      health: {
        ...createHealth('spec'),
        addCheck: (name: string, check: () => Promise<CheckResult> | CheckResult) => void checks.set(name, check),
      },
      onStop: (_: string, close: () => Promise<void>) => void closers.push(close),
      fail: (error: unknown) => void failures.push(error),
    };
    return runReplica<StoredEvent>(context, {
      name: 'spec',
      store,
      messaging,
      strategy,
      leases,
      leaseTtlMs: LEASE_TTL_MS,
      streamKinds: ['vm', 'host'],
      onEvent: ({ stream, type }) => void did.push(`${type} of ${stream}`),
      onActive: () => void did.push('active'),
      onPassive: () => void did.push('passive'),
      ...options,
    });
  }

  const append = (stream: string, type: string) => {
    const id = eventIdSchema.parse(randomUUID());
    return store.append(stream, 'any', [{ id, type, schemaVersion: 1, data: {}, meta }]);
  };
  /** Whether somebody hears a message now. */
  async function isHeard(): Promise<boolean> {
    const asked = messaging.request(messaging.subjects.query('spec', 'question'), {}, { ttlMs: 10 }).then(
      () => true,
      (error: unknown) => {
        if (error instanceof Fault) return false;
        throw error;
      },
    );
    await jest.advanceTimersByTimeAsync(10);
    return asked;
  }

  it('acts and hears messages only once it has folded what the store held when it won the lease', async () => {
    await append('vm-1', 'VmPaused');
    const going = Promise.withResolvers<void>();
    const replica = run({
      onActive: () => {
        did.push('active');
        return going.promise;
      },
    });
    await until(() => did.includes('active'));
    expect([replica.isActive, await isHeard()]).toEqual([false, false]);
    expect(did).toEqual(['VmPaused of vm-1', 'active']);
    going.resolve();
    await until(() => replica.isActive);
    await until(isHeard);
  });

  it('tells that the lease is lost at once, also while it is still becoming the active one', async () => {
    const going = Promise.withResolvers<void>();
    let holds = (): boolean => false;
    const replica = run({
      onActive: (given) => {
        did.push('active');
        holds = given;
        return going.promise;
      },
    });
    await until(() => did.includes('active'));
    expect(holds()).toBe(true);
    leases.isDown = true;
    await until(() => did.includes('passive'));
    expect(holds()).toBe(false);
    going.resolve();
    leases.isDown = false;
    await until(() => replica.isActive);
    expect(did).toEqual(['active', 'passive', 'active']);
  });

  it('takes no messages any more when it has lost the lease, and takes them again when it has won it back', async () => {
    const replica = run();
    await until(isHeard);
    leases.isDown = true;
    await until(async () => !(await isHeard()));
    expect([replica.isActive, did]).toEqual([false, ['active', 'passive']]);
    leases.isDown = false;
    await until(isHeard);
    expect(replica.isActive).toBe(true);
  });

  it('leaves the lease to a replica that NATS reaches when it has lost its own connection', async () => {
    const replica = run();
    await until(() => replica.isActive);
    const elsewhere = await listenOn(createMemoryBus());
    const other = run({ messaging: elsewhere.messaging, strategy: elsewhere.strategy });
    bus.cut();
    await until(() => other.isActive);
    expect(replica.isActive).toBe(false);
    expect(did).toEqual(['active', 'passive', 'active']);
    // It does not take it back while it is cut off.
    await jest.advanceTimersByTimeAsync(5 * LEASE_TTL_MS);
    expect([replica.isActive, other.isActive]).toEqual([false, true]);
    bus.heal();
    await stop();
    await elsewhere.app.close();
  });

  it('gives the lease up for good when it meets what it does not know, and goes on following other streams', async () => {
    const replica = run();
    await until(() => replica.isActive);
    await append('vm-1', 'VmTeleported');
    await append('vm-1', 'VmPaused');
    await append('vm-2', 'VmPaused');
    await until(() => did.includes('VmPaused of vm-2'));
    expect(did).toEqual(['active', 'passive', 'VmPaused of vm-2']);
    expect(await checks.get('events')?.()).toMatchObject({ isOk: false });
    // Another has it at once.
    await until(async () => ((await leases.read('spec'))?.value ?? '').includes('"isReleased":true'));
    expect([replica.isActive, await isHeard()]).toEqual([false, false]);
  });

  it('passes over what it does not know in streams that it does not decide on', async () => {
    const replica = run({ decidesOn: ['vm'] });
    await until(() => replica.isActive);
    await append('host-1', 'HostTeleported');
    await append('host-1', 'HostCordoned');
    await until(() => did.includes('HostCordoned of host-1'));
    expect(replica.isActive).toBe(true);
    expect(await checks.get('events')?.()).toMatchObject({ isOk: true });
  });

  it('does not compete before it has once been level with the store, and stops in order also then', async () => {
    run({ store: { ...store, subscribe: () => ({ ...silentFeed, stop: async () => undefined }) } });
    await jest.advanceTimersByTimeAsync(20 * LEASE_TTL_MS);
    expect(await leases.read('spec')).toBeUndefined();
    await stop();
    expect(did).toEqual([]);
  });

  it('leaves the lease to a warm replica while it still reads its history', async () => {
    run({ store: { ...store, subscribe: () => silentFeed } });
    const warm = run();
    await until(() => warm.isActive);
    expect(did).toEqual(['active']);
  });

  it.each(['refuses', 'hangs'] as const)(
    'gives up the lease when its store %s for some lease times, and competes again when it answers',
    async (how) => {
      let isAway = false;
      const away = () => (how === 'hangs' ? new Promise<never>(() => undefined) : Promise.reject(new Error('away')));
      const feed = { ...silentFeed, caughtUp: () => (isAway ? untilBack.promise : Promise.resolve()) };
      const untilBack = Promise.withResolvers<void>();
      const replica = run({
        store: { ...store, head: () => (isAway ? away() : store.head()), subscribe: () => feed },
      });
      await until(() => replica.isActive);
      isAway = true;
      await until(() => did.includes('passive'));
      await until(async () => ((await leases.read('spec'))?.value ?? '').includes('"isReleased":true'));
      const other = run();
      await until(() => other.isActive);
      expect(replica.isActive).toBe(false);
      await stop();
      [isAway] = [false];
      untilBack.resolve();
    },
  );

  it('holds the lease through a short silence of its store, and takes it again after a long one', async () => {
    let isAway = false;
    let back = Promise.withResolvers<void>();
    const head = () => (isAway ? Promise.reject(new Error('away')) : store.head());
    const feed = { ...silentFeed, caughtUp: () => (isAway ? back.promise : Promise.resolve()) };
    const replica = run({ store: { ...store, head, subscribe: () => feed } });
    await until(() => replica.isActive);
    isAway = true;
    await jest.advanceTimersByTimeAsync(LEASE_TTL_MS);
    isAway = false;
    await jest.advanceTimersByTimeAsync(5 * LEASE_TTL_MS);
    expect(did).toEqual(['active']);
    isAway = true;
    back = Promise.withResolvers<void>();
    await until(() => did.includes('passive'));
    await jest.advanceTimersByTimeAsync(5 * LEASE_TTL_MS);
    isAway = false;
    back.resolve();
    await until(() => replica.isActive);
    expect(did).toEqual(['active', 'passive', 'active']);
  });

  it('fails the service when it cannot take up its work, and hears no message', async () => {
    const replica = run({ onActive: () => Promise.reject(new Error('cannot take up')) });
    await until(() => failures.length > 0);
    expect(failures).toMatchObject([{ message: 'cannot take up' }]);
    expect([replica.isActive, await isHeard()]).toEqual([false, false]);
  });

  it('fails the service when an event cannot be folded', async () => {
    run({
      onEvent: () => {
        throw new Error('cannot fold');
      },
    });
    await append('vm-1', 'VmPaused');
    await until(() => failures.length > 0);
    expect(failures).toMatchObject([{ message: 'cannot fold' }]);
  });

  it('decides nothing more and gives the lease up when the store has lost what it has folded', async () => {
    const whole = createMemoryEventStore();
    store = whole;
    await append('vm-1', 'VmPaused');
    await append('vm-1', 'VmResumed');
    const replica = run();
    await until(() => replica.isActive);
    const restored = whole.restoreOlderCopy('1' as Position);
    await until(() => failures.length > 0);
    expect(replica.isActive).toBe(false);
    expect(failures).toMatchObject([{ code: 'STORE_TAIL_LOST', data: { seen: 2, newest: 1 } }]);
    expect(did).toEqual(['VmPaused of vm-1', 'VmResumed of vm-1', 'active', 'passive']);
    // Its successor has folded what is left, and takes the lease before the time to live has passed.
    const next = run({ store: restored, leaseTtlMs: 1_000_000 });
    await until(() => next.isActive);
    expect(did.slice(4)).toEqual(['VmPaused of vm-1', 'active']);
    await restored.close();
  });
});

/** A feed that never becomes level. */
const silentFeed: ReturnType<EventStore['subscribe']> = {
  position: START,
  closed: new Promise<void>(() => undefined),
  caughtUp: () => new Promise<void>(() => undefined),
  stop: async () => undefined,
};

/** A lease store that can be out of reach. */
function breakable(store: LeaseStore): LeaseStore & { isDown: boolean } {
  const refuse = () => Promise.reject(new Error('the lease store is down'));
  return {
    isDown: false,
    read(key) {
      return this.isDown ? refuse() : store.read(key);
    },
    write(key, value, expectedRevision) {
      return this.isDown ? refuse() : store.write(key, value, expectedRevision);
    },
  };
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let passedMs = 0; !(await condition()); passedMs += 10) {
    if (passedMs > 60_000) throw new Error('it does not become so');
    await jest.advanceTimersByTimeAsync(10);
  }
}
