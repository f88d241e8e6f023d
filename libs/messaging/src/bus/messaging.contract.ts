import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { errors, vmIdSchema } from '@drover/contracts';
import {
  createMetrics,
  currentFields,
  currentTraceId,
  inSpan,
  silentLogger,
  type Metrics,
} from '@drover/observability';
import { z } from 'zod';
import type { Backoff, Repeats } from './backoff.policy.js';
import { answered, rejected, type DeadLetter, type IncomingMessage, type Messaging } from './messaging.port.js';
import { readMessage } from './read-message.js';
import type { WireMessagingOptions } from './wire-messaging.adapter.js';

/** A bus under test, and how to hurt it. */
export interface BusUnderTest {
  connect(name: string, options: WireMessagingOptions): Promise<Messaging>;
  cut(): Promise<void>;
  heal(): Promise<void>;
  stop(): Promise<void>;
}

/** What every `Messaging` does, whatever carries it. */
export function describeMessaging(name: string, start: () => Promise<BusUnderTest>): void {
  describe(name, () => {
    let bus: BusUnderTest;
    let connections: Messaging[];
    let asker: Messaging;
    let answerer: Messaging;
    let metrics: Metrics;
    let deadLetters: DeadLetter[];
    let canKeep: boolean;

    const soon: Backoff = { firstMs: 4, maxMs: 20 };
    const later: Backoff = { firstMs: 60_000, maxMs: 60_000 };

    // Silence means nothing on a busy machine: only those who ask for it repeat after it, so that others can count.
    async function connect(
      who: string,
      repeats: Repeats = { afterRefusal: soon, afterSilence: later },
    ): Promise<Messaging> {
      const messaging = await bus.connect(who, {
        name: who,
        logger: silentLogger,
        metrics,
        repeats,
        deadLetters: {
          keep: async (letter) => {
            if (!canKeep) throw new Error('the database is down');
            deadLetters.push(letter);
          },
        },
      });
      connections.push(messaging);
      return messaging;
    }

    beforeEach(async () => {
      bus = await start();
      connections = [];
      metrics = createMetrics();
      deadLetters = [];
      canKeep = true;
      asker = await connect('api-gateway');
      answerer = await connect('vm-manager');
    });

    afterEach(async () => {
      await Promise.all(connections.map((connection) => connection.close()));
      await bus.stop();
    });

    const subject = 'drover.command.vm.create';
    const fault = (code: string, outcome: string) => ({ name: 'Fault', code, outcome });

    it('brings payload, headers and subject to the responder and its value back', async () => {
      const seen: IncomingMessage[] = [];
      answerer.respond('drover.command.vm.*', (message) => {
        seen.push(message);
        return answered({ vmId: 'v' });
      });
      await answerer.flush();
      const answer = await asker.request(
        subject,
        { name: 'a', tags: ['ü'] },
        { ttlMs: 2000, id: 'm-1', operationId: 'op-1', causationId: 'c-1' },
      );
      expect(answer).toEqual({ kind: 'answered', value: { vmId: 'v' } });
      expect(seen).toHaveLength(1);
      expect(seen[0]).toMatchObject({
        subject,
        payload: { name: 'a', tags: ['ü'] },
        headers: { id: 'm-1', operationId: 'op-1', causationId: 'c-1', ttlMs: expect.any(Number) },
      });
    });

    it('continues trace and operation of the asker in the responder', async () => {
      answerer.respond(subject, () => answered({ traceId: currentTraceId(), fields: currentFields() }));
      await answerer.flush();
      await inSpan('test', {}, async () => {
        const answer = await asker.request(subject, null, { ttlMs: 2000, id: 'm', operationId: 'op' });
        expect(answer).toEqual(answered({ traceId: currentTraceId(), fields: { messageId: 'm', operationId: 'op' } }));
      });
    });

    it('returns a rejection as a value', async () => {
      const vmId = vmIdSchema.parse('00000000-0000-4000-8000-000000000001');
      const rejection = errors.VM_NAME_TAKEN('a is taken', { field: '/name', data: { vmId } });
      answerer.respond(subject, () => rejected(rejection));
      await answerer.flush();
      expect(await asker.request(subject, {}, { ttlMs: 2000 })).toEqual({ kind: 'rejected', rejection });
    });

    it("throws the responder's fault with its outcome and data, and without its detail for the log", async () => {
      answerer.respond(subject, () => {
        throw errors.POOL_FULL('unknown', 'connect 10.0.0.1 refused', { data: { pool: 'fast' } });
      });
      await answerer.flush();
      const failure = await asker.request(subject, {}, { ttlMs: 2000 }).catch((error: unknown) => error);
      expect(failure).toMatchObject({ ...fault('POOL_FULL', 'unknown'), data: { pool: 'fast' } });
      expect(String(failure)).not.toContain('10.0.0.1');
    });

    it('throws INTERNAL with outcome unknown when the responder has a defect, and does not ask again', async () => {
      let asked = 0;
      answerer.respond(subject, () => {
        asked += 1;
        throw new TypeError('x is not a function');
      });
      await answerer.flush();
      const request = asker.request(subject, {}, { ttlMs: 2000, retry: 'until-ttl' });
      await expect(request).rejects.toMatchObject(fault('INTERNAL', 'unknown'));
      expect(asked).toBe(1);
    });

    it('says at once that no service answers on a subject', async () => {
      const request = asker.request(subject, {}, { ttlMs: 60_000 });
      await expect(request).rejects.toMatchObject(fault('SERVICE_UNAVAILABLE', 'not-applied'));
    });

    it('says that the outcome is unknown when no answer comes in time', async () => {
      answerer.respond(subject, () => new Promise(() => undefined));
      await answerer.flush();
      const request = asker.request(subject, {}, { ttlMs: 20 });
      await expect(request).rejects.toMatchObject(fault('TIMED_OUT', 'unknown'));
      await answerer.close();
    });

    it('asks again until there is a responder', async () => {
      const request = asker.request(subject, {}, { ttlMs: 10_000, retry: 'until-ttl' });
      await asker.flush();
      answerer.respond(subject, () => answered('here'));
      expect(await request).toEqual(answered('here'));
    });

    it('asks again, with the same id, after a fault that changed nothing', async () => {
      const ids: string[] = [];
      answerer.respond(subject, ({ headers }) => {
        ids.push(headers.id);
        if (ids.length < 2) throw errors.STORE_UNAVAILABLE('not-applied', 'down');
        return answered('done');
      });
      await answerer.flush();
      expect(await asker.request(subject, {}, { ttlMs: 10_000, retry: 'until-ttl' })).toEqual(answered('done'));
      expect(new Set(ids).size).toBe(1);
      expect(ids).toHaveLength(2);
    });

    it('ends a repeated request with what hinders it, when another answer as slow as the last would be too late', async () => {
      let asked = 0;
      const release = Promise.withResolvers<void>();
      answerer.respond(subject, async () => {
        asked += 1;
        if (asked === 1) await release.promise;
        throw errors.STORE_UNAVAILABLE('not-applied', 'the database is silent');
      });
      await answerer.flush();
      const patient = await connect('drs', { afterRefusal: soon, afterSilence: later });
      const request = patient.request(subject, {}, { ttlMs: 400, retry: 'until-ttl' });
      const timer = setTimeout(release.resolve, 250);
      await expect(request).rejects.toMatchObject(fault('STORE_UNAVAILABLE', 'not-applied'));
      clearTimeout(timer);
      expect(asked).toBe(1);
    });

    it('ends a repeated request with what hindered it last, when its time is over', async () => {
      // So slow that nothing is in flight when the time is over.
      const patient = await connect('drs', { afterRefusal: later, afterSilence: later });
      const request = patient.request(subject, {}, { ttlMs: 100, retry: 'until-ttl' });
      await expect(request).rejects.toMatchObject(fault('SERVICE_UNAVAILABLE', 'not-applied'));
    });

    it('gives up a request when its signal says so', async () => {
      const giveUp = new AbortController();
      const request = asker.request(subject, {}, { ttlMs: 60_000, retry: 'until-ttl', signal: giveUp.signal });
      giveUp.abort();
      await expect(request).rejects.toMatchObject({ name: 'Fault', code: expect.stringMatching(/TIMED_OUT|SERVICE/) });
    });

    it('keeps an unreadable request as a dead letter, says so, and goes on with the next', async () => {
      answerer.respond(
        subject,
        readMessage(z.strictObject({ name: z.string() }), ({ name }) => answered(name)),
      );
      await answerer.flush();
      const request = asker.request(subject, { name: 5, extra: 'secret-value' }, { ttlMs: 2000, retry: 'until-ttl' });
      await expect(request).rejects.toMatchObject(fault('UNREADABLE_MESSAGE', 'not-applied'));
      expect(deadLetters).toHaveLength(1);
      expect(deadLetters[0]).toMatchObject({ source: 'vm-manager', subject, reason: expect.stringContaining('/name') });
      expect(deadLetters[0]?.reason).not.toContain('secret-value');
      expect(new TextDecoder().decode(deadLetters[0]?.payload)).toBe('{"name":5,"extra":"secret-value"}');
      expect(metrics.text()).toContain(`drover_messages_unreadable_total{pattern="${subject}"} 1`);
      expect(await asker.request(subject, { name: 'b' }, { ttlMs: 2000 })).toEqual(answered('b'));
    });

    it('asks for an unreadable message again while it cannot be kept', async () => {
      canKeep = false;
      answerer.respond(
        subject,
        readMessage(z.string(), () => answered(1)),
      );
      await answerer.flush();
      const request = asker.request(subject, 5, { ttlMs: 2000 });
      await expect(request).rejects.toMatchObject(fault('STORE_UNAVAILABLE', 'not-applied'));
      expect(deadLetters).toHaveLength(0);
    });

    it('refuses an answer that is not as the asker expects it', async () => {
      answerer.respond(subject, () => answered({ count: 'many' }));
      await answerer.flush();
      const request = asker.request(subject, {}, { ttlMs: 2000, schema: z.object({ count: z.number() }) });
      await expect(request).rejects.toMatchObject(fault('UNREADABLE_MESSAGE', 'unknown'));
    });

    it('refuses to send more than fits, naming both sizes', async () => {
      const tooLarge = 'x'.repeat(asker.maxPayloadBytes);
      await expect(asker.request(subject, tooLarge, { ttlMs: 50 })).rejects.toThrow(
        `message for ${subject} is ${asker.maxPayloadBytes + 2} bytes; at most ${asker.maxPayloadBytes} fit`,
      );
      expect(() => asker.publish(subject, tooLarge)).toThrow(RangeError);
    });

    it('tells the asker when the answer is too large', async () => {
      answerer.respond(subject, () => answered('x'.repeat(answerer.maxPayloadBytes)));
      await answerer.flush();
      const request = asker.request(subject, {}, { ttlMs: 2000 });
      await expect(request).rejects.toMatchObject(fault('INTERNAL', 'unknown'));
    });

    it('gives each message to one member of a queue, and to each subscriber outside of it', async () => {
      const other = await connect('other');
      const counts = { queue: 0, alone: 0 };
      let bothCounted = Promise.withResolvers<void>();
      const count = (kind: 'queue' | 'alone') => () => {
        counts[kind] += 1;
        if ((counts.queue + counts.alone) % 2 === 0) bothCounted.resolve();
      };
      answerer.subscribe('drover.host.*.load', count('queue'), { queue: 'drs' });
      other.subscribe('drover.host.*.load', count('queue'), { queue: 'drs' });
      other.subscribe('drover.host.>', count('alone'));
      await answerer.flush();
      await other.flush();
      // One after the other: a host that sends many at once loses some of them.
      for (let index = 0; index < 10; index += 1) {
        asker.publish('drover.host.h1.load', { index });
        await bothCounted.promise;
        bothCounted = Promise.withResolvers();
      }
      expect(counts).toEqual({ queue: 10, alone: 10 });
      await other.drain();
    });

    it('lets a handler that throws block no other message', async () => {
      const end = Promise.withResolvers<unknown>();
      answerer.subscribe('drover.progress.*', ({ payload }) => {
        if (payload === 'bad') throw new Error('no');
        end.resolve(payload);
      });
      await answerer.flush();
      asker.publish('drover.progress.a', 'bad');
      asker.publish('drover.progress.a', 'good');
      expect(await end.promise).toBe('good');
      await answerer.drain();
      expect(metrics.text()).toContain('drover_message_handler_failures_total{pattern="drover.progress.*"} 1');
    });

    it('answers what is under way before a subscription has stopped', async () => {
      const release = Promise.withResolvers<void>();
      const begun = Promise.withResolvers<void>();
      const subscription = answerer.respond(subject, async () => {
        begun.resolve();
        await release.promise;
        return answered('late');
      });
      await answerer.flush();
      const request = asker.request(subject, {}, { ttlMs: 5000 });
      await begun.promise;
      const stopping = subscription.stop();
      release.resolve();
      await stopping;
      expect(await request).toEqual(answered('late'));
      await expect(asker.request(subject, {}, { ttlMs: 2000 })).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    });

    it('drains: what is under way is answered, then the connection is closed', async () => {
      answerer.respond(subject, async () => answered('last'));
      await answerer.flush();
      const request = asker.request(subject, {}, { ttlMs: 5000, retry: 'until-ttl' });
      expect(await request).toEqual(answered('last'));
      await answerer.drain();
      expect(answerer.state).toBe('closed');
      await answerer.drain();
    });

    it('fails a request under way with outcome unknown when the connection breaks', async () => {
      const begun = Promise.withResolvers<void>();
      answerer.respond(subject, () => {
        begun.resolve();
        return new Promise(() => undefined);
      });
      await answerer.flush();
      const request = asker.request(subject, {}, { ttlMs: 60_000 });
      request.catch(() => undefined);
      const giveUp = new AbortController();
      const repeated = asker.request(subject, {}, { ttlMs: 60_000, retry: 'until-ttl', signal: giveUp.signal });
      await begun.promise;
      await bus.cut();
      await expect(request).rejects.toMatchObject(fault('MESSAGING_UNAVAILABLE', 'unknown'));
      giveUp.abort();
      await expect(repeated).rejects.toMatchObject(fault('MESSAGING_UNAVAILABLE', 'unknown'));
      await expect(asker.request(subject, {}, { ttlMs: 60_000 })).rejects.toMatchObject(
        fault('MESSAGING_UNAVAILABLE', 'not-applied'),
      );
      expect(asker.state).toBe('disconnected');
      asker.publish('drover.progress.a', 1);
      expect(metrics.text()).toContain('drover_messages_dropped_total 1');
      await bus.heal();
      await answerer.close();
    });

    it('carries a repeated request over a break of the connection, to subscriptions that survive it', async () => {
      let asked = 0;
      const reconnected = Promise.withResolvers<void>();
      const begun = Promise.withResolvers<void>();
      answerer.onReconnect(reconnected.resolve);
      answerer.respond(subject, () => {
        asked += 1;
        if (asked > 1) return answered('again');
        begun.resolve();
        return new Promise(() => undefined);
      });
      await answerer.flush();
      // Repeats after silence too: the answerer may hear the one that follows the reconnect, and ignore it.
      const impatient = await connect('drs', { afterRefusal: soon, afterSilence: soon });
      const request = impatient.request(subject, {}, { ttlMs: 30_000, retry: 'until-ttl', id: 'm-7' });
      await begun.promise;
      await bus.cut();
      await bus.heal();
      await reconnected.promise;
      // The first copy still is under way there, so this connection ignores repeats; another member of the service answers.
      const standby = await connect('standby');
      await answerer.close();
      standby.respond(subject, ({ headers }) => answered(headers.id));
      expect(await request).toEqual(answered('m-7'));
    });

    it('does not handle a repeat that comes while the first is under way', async () => {
      let handled = 0;
      const release = Promise.withResolvers<void>();
      answerer.respond(subject, async () => {
        handled += 1;
        await release.promise;
        return answered('once');
      });
      let copies = 0;
      const repeated = Promise.withResolvers<void>();
      const observer = await connect('observer');
      observer.subscribe(subject, () => {
        copies += 1;
        if (copies === 3) repeated.resolve();
      });
      await Promise.all([answerer.flush(), observer.flush()]);
      const impatient = await connect('drs', { afterRefusal: soon, afterSilence: soon });
      const request = impatient.request(subject, {}, { ttlMs: 10_000, retry: 'until-ttl' });
      await repeated.promise;
      // What the observer has seen has gone out to the answerer as well, and stands before the answer to this.
      await answerer.flush();
      expect(handled).toBe(1);
      release.resolve();
      expect(await request).toEqual(answered('once'));
    });
  });
}
