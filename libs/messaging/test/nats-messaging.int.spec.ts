import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { silentLogger } from '@drover/observability';
import { startNats, type NatsServer } from '@drover/testing';
import { describeMessaging } from '../src/bus/messaging.contract.js';
import { connectMessaging } from '../src/bus/nats-messaging.adapter.js';
import type { Messaging } from '../src/bus/messaging.port.js';

let server: NatsServer;

beforeAll(async () => {
  server = await startNats();
});

afterAll(() => server.stop());

describeMessaging('messaging over NATS', async () => {
  const connections: Messaging[] = [];
  const states = async (state: 'connected' | 'disconnected') => {
    while (connections.some((connection) => connection.state !== 'closed' && connection.state !== state)) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return {
    connect: async (name, options) => {
      const connection = await connectMessaging({ ...options, name, servers: server.url });
      connections.push(connection);
      return connection;
    },
    cut: async () => {
      await server.kill9();
      await states('disconnected');
    },
    heal: async () => {
      await server.start();
      await states('connected');
    },
    stop: async () => undefined,
  };
});

describe('connecting to NATS', () => {
  const options = () => ({
    name: 'early',
    servers: server.url,
    logger: silentLogger,
    deadLetters: { keep: async () => undefined },
  });

  it('waits for a server that starts later', async () => {
    await server.kill9();
    const connecting = connectMessaging(options());
    await server.start();
    const messaging = await connecting;
    expect(messaging.state).toBe('connected');
    await messaging.close();
  });

  it('stops waiting when it is told to', async () => {
    await server.kill9();
    const giveUp = new AbortController();
    const connecting = connectMessaging({ ...options(), signal: giveUp.signal });
    giveUp.abort(new Error('shutting down'));
    await expect(connecting).rejects.toThrow();
    await server.start();
  });

  it('says which credentials cannot be read', async () => {
    const connecting = connectMessaging({ ...options(), credentialsFile: '/nowhere/vm-manager.creds' });
    await expect(connecting).rejects.toThrow('the credentials in /nowhere/vm-manager.creds cannot be read');
  });
});
