import { Kvm } from '@nats-io/kv';
import { silentLogger } from '@drover/observability';
import { startNats } from '@drover/testing';
import { describeLease } from '../src/lease.contract.js';
import { leaseBucket, natsLeaseStore } from '../src/nats-lease-store.adapter.js';
import { connectMessaging, type NatsMessaging } from '../src/nats-messaging.adapter.js';

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
      for (const deadline = performance.now() + 20_000; !condition();) {
        if (performance.now() > deadline) throw new Error('it does not become so');
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
    deleteKey: async (how) => {
      const [connection] = connections;
      if (connection === undefined) throw new Error('nobody is connected');
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
