import { expect, it } from '@jest/globals';
import { jetstreamManager } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { silentLogger } from '@drover/observability';
import { startNats } from '@drover/testing';
import { describeLease } from '../src/lease/lease.contract.js';
import type { LeaseStore } from '../src/lease/lease-store.port.js';
import { leaseBucket, natsLeaseStore } from '../src/lease/nats-lease-store.adapter.js';
import { connectMessaging, type NatsMessaging } from '../src/bus/nats-messaging.adapter.js';

describeLease('a lease over NATS', async () => {
  const server = await startNats({ jetstream: true });
  const connections: NatsMessaging[] = [];
  return {
    ttlMs: 1200,
    connect: async () => {
      const deadLetters = { keep: async () => undefined };
      const options = { name: 'competitor', servers: server.url, logger: silentLogger, deadLetters };
      const messaging = await connectMessaging(options);
      connections.push(messaging);
      return natsLeaseStore(messaging, { timeoutMs: 300, isOwner: true });
    },
    until: async (condition) => {
      for (const deadline = performance.now() + 20_000; !(await condition());) {
        if (performance.now() > deadline) throw new Error('it does not become so');
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
    deleteKey: async (how) => {
      const [connection] = connections;
      if (connection === undefined) throw new Error('no client is connected');
      const bucket = await new Kvm(connection.connection).open(leaseBucket('drover'));
      await (how === 'del' ? bucket.delete('vm-manager') : bucket.purge('vm-manager'));
    },
    wipe: async () => {
      await server.wipe();
      await server.start();
    },
    stop: async () => {
      await Promise.all(connections.map((connection) => connection.close()));
      await server.stop();
    },
  };
});

it('does not end the server when many look for a bucket that another makes at that moment', async () => {
  const server = await startNats({ jetstream: true });
  const deadLetters = { keep: async () => undefined };
  const options = { name: 'competitor', servers: server.url, logger: silentLogger, deadLetters };
  const connections = await Promise.all([1, 2, 3, 4].map(() => connectMessaging(options)));
  try {
    const [first, ...others] = connections;
    if (first === undefined) throw new Error('there is no connection');
    const manager = await jetstreamManager(first.connection);
    const owner = natsLeaseStore(first, { timeoutMs: 2_000, isOwner: true });
    for (let round = 0; round < 100; round += 1) {
      let isMade = false;
      const look = async (store: LeaseStore) => {
        while (!isMade) await store.read('vm-manager');
      };
      const stores = others.map((messaging) => natsLeaseStore(messaging, { timeoutMs: 500, isOwner: false }));
      const looks = stores.flatMap((store) => Array.from({ length: 15 }, () => look(store)));
      // Nothing there: it makes the bucket.
      await owner.read('api-gateway');
      isMade = true;
      // One that came before the bucket was whole is not answered, and the next one is.
      await Promise.allSettled(looks);
      expect(await Promise.all(stores.map((store) => store.read('vm-manager')))).toEqual(stores.map(() => undefined));
      expect(await manager.streams.delete(`KV_${leaseBucket(first.subjects.prefix)}`)).toBe(true);
    }
  } finally {
    await Promise.all(connections.map((connection) => connection.close()));
    await server.stop();
  }
});

it('asks for the configured number of replicas, which one server alone cannot keep', async () => {
  const server = await startNats({ jetstream: true });
  const deadLetters = { keep: async () => undefined };
  const messaging = await connectMessaging({
    name: 'api-gateway',
    servers: server.url,
    logger: silentLogger,
    deadLetters,
  });
  const store = natsLeaseStore(messaging, { timeoutMs: 5_000, isOwner: true, replicas: 3 });
  await expect(store.read('api-gateway')).rejects.toThrow(/replicas > 1 not supported in non-clustered mode/);
  await messaging.close();
  await server.stop();
});
