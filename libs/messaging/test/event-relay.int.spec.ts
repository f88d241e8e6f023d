import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { headers as natsHeaders } from '@nats-io/transport-node';
import { projectIdSchema, START, type NewEvent } from '@drover/contracts';
import { createMemoryEventStore, type EventStore } from '@drover/event-store';
import { anEvent } from '@drover/event-store/testing';
import { createLogger, createMetrics, silentLogger } from '@drover/observability';
import { startNats, type NatsServer } from '@drover/testing';
import { runRelay, type Relay } from '../src/relay/event.relay.js';
import { connectMessaging, type NatsMessaging } from '../src/bus/nats-messaging.adapter.js';

const DAY_MS = 24 * 60 * 60 * 1000;
/** Messages of the stream that are asked for together. */
const READ_AT_ONCE = 100;

describe('the event relay', () => {
  let server: NatsServer;
  let store: EventStore;
  let nowMs: number;
  let open: { close(): Promise<void> }[];
  let warnings: Record<string, unknown>[];

  const clock = { epochMs: () => nowMs, monotonicMs: () => 0 };
  const logger = createLogger('relay', {
    threshold: { level: 'warn' },
    destination: { write: (line) => void warnings.push(JSON.parse(line) as Record<string, unknown>) },
  });

  beforeEach(async () => {
    server = await startNats({ jetstream: true });
    nowMs = Date.now();
    store = createMemoryEventStore({ clock });
    open = [];
    warnings = [];
  });

  afterEach(async () => {
    for (const each of open.reverse()) await each.close();
    await server.stop();
  });

  async function connect(): Promise<NatsMessaging> {
    const deadLetters = { keep: async () => undefined };
    const messaging = await connectMessaging({ name: 'relay', servers: server.url, logger: silentLogger, deadLetters });
    open.push(messaging);
    return messaging;
  }

  function relayOver(messaging: NatsMessaging, holds = () => true): Relay {
    const relay = runRelay({
      store,
      messaging,
      holds,
      logger,
      metrics: createMetrics(),
      clock,
      maxBytes: 64 * 1024 * 1024,
    });
    open.push({ close: () => relay.stop() });
    return relay;
  }

  async function append(count: number, stream = 'vm-a'): Promise<void> {
    for (let index = 0; index < count; index += 1) await store.append(stream, 'any', [anEvent()]);
  }

  /** The store is another one from here on, which holds these events and no more. */
  async function replaceStore(...events: readonly NewEvent[]): Promise<void> {
    store = createMemoryEventStore({ clock });
    for (const event of events) await store.append('vm-a', 'any', [event]);
  }

  async function relayUntilLevel(messaging: NatsMessaging): Promise<void> {
    const relay = relayOver(messaging);
    await level(relay);
    await relay.stop();
  }

  async function streamState(messaging: NatsMessaging) {
    return (await (await jetstreamManager(messaging.connection)).streams.info('EVENTS')).state;
  }

  const otherHistory = () =>
    warnings.filter(
      ({ message }) => message === 'the stream of events holds another history than the store and is filled again',
    );

  async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
    for (const deadline = performance.now() + 20_000; !(await isSo());) {
      if (performance.now() > deadline) throw new Error(`not within 20 s: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  /** Waits until one of the relays has seen the newest event in the stream. */
  async function level(...relays: Relay[]): Promise<void> {
    const head = await store.head();
    await until(`a relay reaches ${head}`, () => relays.some(({ position }) => position === head));
  }

  /** Everything in the stream, in its order. */
  async function published(messaging: NatsMessaging) {
    const manager = await jetstreamManager(messaging.connection);
    const { state } = await manager.streams.info('EVENTS');
    const messages: { readonly subject: string; readonly position: string; readonly event: Record<string, unknown> }[] =
      [];
    const read = async (sequence: number) => {
      const message = await manager.streams.getMessage('EVENTS', { seq: sequence });
      if (message === null) throw new Error(`there is no message ${sequence}`);
      const position = message.header.get('Drover-Position');
      return { subject: message.subject, position, event: message.json<Record<string, unknown>>() };
    };
    for (let from = state.first_seq; from <= state.last_seq; from += READ_AT_ONCE) {
      const count = Math.min(READ_AT_ONCE, state.last_seq - from + 1);
      messages.push(...(await Promise.all(Array.from({ length: count }, (_, index) => read(from + index)))));
    }
    return messages;
  }

  async function expectAllPublished(messaging: NatsMessaging): Promise<void> {
    const { events } = await store.readAll(START, { limit: 10_000 });
    const messages = await published(messaging);
    expect(messages.map(({ event }) => event['id'])).toEqual(events.map(({ id }) => id));
    expect(messages.map(({ position }) => position)).toEqual(events.map(({ position }) => position));
  }

  it('publishes what is stored, then what is appended, as CloudEvents on the subject of its project', async () => {
    const messaging = await connect();
    const meta = { ...anEvent().meta, projectId: projectIdSchema.parse('default'), causationId: 'c-1' };
    await store.append('vm-a', 'no-stream', [anEvent({ meta, type: 'VmRequested', data: { name: 'a' } })]);
    const relay = relayOver(messaging);
    await level(relay);
    await store.append('host-b', 'no-stream', [anEvent({ type: 'HostRegistered' })]);
    await level(relay);
    const [first, second] = await published(messaging);
    expect(first).toMatchObject({
      subject: 'drover.event.default.vm.a.VmRequested',
      event: {
        specversion: '1.0',
        source: '/drover/streams/vm-a',
        type: 'VmRequested',
        subject: 'a',
        datacontenttype: 'application/json',
        projectid: 'default',
        causationid: 'c-1',
        revision: 0,
        data: { name: 'a' },
      },
    });
    expect(second?.subject).toBe('drover.event.system.host.b.HostRegistered');
    await expectAllPublished(messaging);
  });

  it('goes on where the stream ends, and repeats nothing, after it was stopped', async () => {
    const messaging = await connect();
    await append(5);
    const first = relayOver(messaging);
    await level(first);
    await first.stop();
    await append(5);
    await level(relayOver(messaging));
    await expectAllPublished(messaging);
  });

  it('publishes nothing while it does not hold its lease', async () => {
    const messaging = await connect();
    let holds = false;
    await append(3);
    const relay = relayOver(messaging, () => holds);
    const manager = await jetstreamManager(messaging.connection);
    await expect(manager.streams.info('EVENTS')).rejects.toThrow('stream not found');
    holds = true;
    await level(relay);
    await expectAllPublished(messaging);
  });

  it('neither repeats nor disorders anything when two relays run at once', async () => {
    const messaging = await connect();
    const first = relayOver(messaging);
    const second = relayOver(await connect());
    await append(300);
    await level(first, second);
    await first.stop();
    await append(300);
    await level(second);
    await expectAllPublished(messaging);
  });

  it('loses, repeats and disorders nothing when nats-server is killed while it publishes', async () => {
    const messaging = await connect();
    const relay = relayOver(messaging);
    for (let round = 0; round < 3; round += 1) {
      const appending = append(200);
      await server.kill9();
      await append(50);
      await server.start();
      await appending;
    }
    await level(relay);
    await expectAllPublished(messaging);
  }, 30_000);

  it('fills the stream again when nats-server has lost its files', async () => {
    const messaging = await connect();
    const relay = relayOver(messaging);
    await append(100);
    await level(relay);
    await server.wipe();
    await append(10);
    await server.start();
    await level(relay);
    // The position may be level from before; what the stream holds is what counts.
    await append(1);
    await level(relay);
    await expectAllPublished(messaging);
  }, 30_000);

  it('neither repeats nor disorders anything when nats-server loses its files under two relays', async () => {
    const messaging = await connect();
    const relays = [relayOver(messaging), relayOver(await connect())];
    for (let round = 0; round < 3; round += 1) {
      const appending = append(200);
      await server.wipe();
      await append(50);
      await server.start();
      await appending;
    }
    // A relay may be level from before; only what is appended to the new stream shows that it was filled.
    await append(1);
    await level(...relays);
    await expectAllPublished(messaging);
  }, 30_000);

  it('fills an empty stream with what was recorded within its retention time', async () => {
    const messaging = await connect();
    nowMs -= 8 * DAY_MS;
    await append(3, 'vm-old');
    nowMs += 8 * DAY_MS;
    await append(3, 'vm-new');
    await level(relayOver(messaging));
    expect((await published(messaging)).map(({ subject }) => subject.split('.')[4])).toEqual(['new', 'new', 'new']);
  });

  describe('over another store than the one that the stream was filled from', () => {
    it('replaces what the stream holds by the events of a store that began empty', async () => {
      const messaging = await connect();
      await append(20);
      await relayUntilLevel(messaging);
      await replaceStore();
      const relay = relayOver(messaging);
      await until('the relay has warned', () => otherHistory().length > 0);
      await append(3);
      await level(relay);
      await expectAllPublished(messaging);
      expect(await streamState(messaging)).toMatchObject({ first_seq: 21, last_seq: 23 });
      await append(30);
      await level(relay);
      await expectAllPublished(messaging);
      expect(otherHistory()).toEqual([
        expect.objectContaining({ stream: 'EVENTS', sequence: 20, position: '20', storeHead: '0' }),
      ]);
    });

    it('replaces it when the store has lost a tail, before anything new is stored', async () => {
      const messaging = await connect();
      const events = Array.from({ length: 15 }, () => anEvent());
      await replaceStore(...events);
      await relayUntilLevel(messaging);
      await replaceStore(...events.slice(0, 10));
      await relayUntilLevel(messaging);
      await expectAllPublished(messaging);
      expect(await streamState(messaging)).toMatchObject({ first_seq: 16, last_seq: 25 });
    });

    it.each([
      ['is not reached again', 2],
      ['holds another event now', 5],
      ['is far behind', 20],
    ])('replaces it when the store has lost a tail, and the position of the last message %s', async (_what, count) => {
      const messaging = await connect();
      const events = Array.from({ length: 15 }, () => anEvent());
      await replaceStore(...events);
      await relayUntilLevel(messaging);
      await replaceStore(...events.slice(0, 10), ...Array.from({ length: count }, () => anEvent()));
      await relayUntilLevel(messaging);
      await expectAllPublished(messaging);
      expect(otherHistory()).toHaveLength(1);
      await append(5);
      await relayUntilLevel(messaging);
      await expectAllPublished(messaging);
      expect(otherHistory()).toHaveLength(1);
    });

    it('replaces it when the event of the last message stands at another position', async () => {
      const messaging = await connect();
      const [first, second] = [anEvent(), anEvent()];
      await replaceStore(first, second);
      await relayUntilLevel(messaging);
      store = createMemoryEventStore({ clock });
      await append(5, 'vm-b');
      for (const event of [first, second]) await store.append('vm-a', 'any', [event]);
      await relayUntilLevel(messaging);
      await expectAllPublished(messaging);
    });

    it('goes on where the refill was cut off by the death of the relay, and by that of nats-server', async () => {
      const messaging = await connect();
      await append(20);
      await relayUntilLevel(messaging);
      await replaceStore(...Array.from({ length: 3_000 }, () => anEvent()));
      let published = 0;
      for (let round = 0; round < 3; round += 1) {
        const before = published;
        // It looks at its lease when it begins and before each part of at most 64 events: so it cannot come to the end.
        let looks = 0;
        const relay = relayOver(messaging, () => messaging.state !== 'connected' || (looks += 1) <= 14);
        await until('some of the refill is stored', () => Number(relay.position) > before);
        if (round === 1) await server.kill9();
        await relay.stop();
        if (round === 1) await server.start();
        published = Number(relay.position);
        expect(published).toBeLessThan(3_000);
      }
      await relayUntilLevel(messaging);
      await expectAllPublished(messaging);
      expect(await streamState(messaging)).toMatchObject({ first_seq: 21, last_seq: 3_020 });
      expect(otherHistory()).toHaveLength(1);
    }, 30_000);

    it('replaces it once when two relays find it so', async () => {
      for (let round = 0; round < 5; round += 1) {
        const messaging = await connect();
        await replaceStore(...Array.from({ length: 5 }, () => anEvent()));
        await relayUntilLevel(messaging);
        const { last_seq: last } = await streamState(messaging);
        await replaceStore(...Array.from({ length: 300 }, () => anEvent()));
        const relays = [relayOver(messaging), relayOver(await connect())];
        await level(...relays);
        for (const relay of relays) await relay.stop();
        await expectAllPublished(messaging);
        expect(await streamState(messaging)).toMatchObject({ first_seq: last + 1, last_seq: last + 300 });
      }
    }, 30_000);

    it.each([
      ['no event', '{"forged":true}', {}],
      ['no JSON', 'forged', { 'Drover-Position': '1' }],
      ['an event without a position', JSON.stringify({ id: 'a', source: '/drover/streams/vm-a', revision: 0 }), {}],
    ])('replaces it when its last message is not of a relay: %s', async (_what, payload, fields) => {
      await append(3);
      const messaging = await connect();
      await relayUntilLevel(messaging);
      const headers = natsHeaders();
      for (const [name, value] of Object.entries(fields)) headers.set(name, value);
      await jetstream(messaging.connection).publish('drover.event.default.vm.x.Forged', payload, { headers });
      await append(2);
      await relayUntilLevel(messaging);
      await expectAllPublished(messaging);
      expect(warnings).toContainEqual(
        expect.objectContaining({
          message: 'the stream of events ends with a message that is not of the relay and is filled again',
        }),
      );
    });

    it('empties the stream where nothing was recorded within its retention time, and numbers on from there', async () => {
      const messaging = await connect();
      await append(5);
      await relayUntilLevel(messaging);
      nowMs -= 8 * DAY_MS;
      await replaceStore(...Array.from({ length: 10 }, () => anEvent()));
      nowMs += 8 * DAY_MS;
      const relay = relayOver(messaging);
      await until('the stream is empty', async () => (await streamState(messaging)).messages === 0);
      await server.kill9();
      await server.start();
      await append(1, 'vm-new');
      await level(relay);
      expect((await published(messaging)).map(({ position }) => position)).toEqual(['11']);
      expect(await streamState(messaging)).toMatchObject({ first_seq: 6, last_seq: 6 });
    });
  });

  it('replaces nothing when it begins again over the same store, however it ended', async () => {
    const messaging = await connect();
    await append(5);
    await relayUntilLevel(messaging);
    await relayUntilLevel(messaging);
    const relay = relayOver(messaging);
    await append(5);
    await server.restart();
    await append(5);
    await level(relay);
    await server.kill9();
    await server.start();
    await append(1);
    await level(relay);
    await expectAllPublished(messaging);
    expect(await streamState(messaging)).toMatchObject({ first_seq: 1, last_seq: 16 });
    expect(otherHistory()).toEqual([]);
  });

  it('makes do with a smaller stream where the server has no room', async () => {
    const messaging = await connect();
    await append(1);
    const relay = runRelay({
      store,
      messaging,
      holds: () => true,
      logger: silentLogger,
      metrics: createMetrics(),
      maxBytes: 2 ** 50,
    });
    open.push({ close: () => relay.stop() });
    await level(relay);
    const manager = await jetstreamManager(messaging.connection);
    expect((await manager.streams.info('EVENTS')).config.max_bytes).toBeLessThan(2 ** 50);
  });
});
