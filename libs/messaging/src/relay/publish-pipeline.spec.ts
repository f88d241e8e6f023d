import { afterEach, describe, expect, it } from '@jest/globals';
import type { Msg, NatsConnection, PublishOptions } from '@nats-io/transport-node';
import { PipelineBroken, PublishPipeline } from './publish-pipeline.client.js';

interface Sent {
  readonly subject: string;
  readonly expected: number;
  readonly asks: boolean;
}

/** A pipeline behind sequence 7 of a stream, on a connection that only notes what is sent. */
function aPipeline(maxInFlight: number) {
  const sent: Sent[] = [];
  const acknowledged: number[] = [];
  let inbox = '';
  let hear: (error: null, message: Msg) => void = () => undefined;
  const connection = {
    isClosed: () => false,
    subscribe: (subject: string, { callback }: { callback: typeof hear }) => {
      inbox = subject.slice(0, -1);
      hear = callback;
      return { unsubscribe: () => undefined };
    },
    publish: (subject: string, _payload: string, { headers, reply }: PublishOptions) => {
      const expected = Number(headers?.get('Nats-Expected-Last-Sequence'));
      sent.push({ subject, expected, asks: reply === `${inbox}${expected + 1}` });
    },
  } as unknown as NatsConnection;
  const pipeline = new PublishPipeline(connection, {
    inboxPrefix: '_INBOX.spec',
    lastSequence: 7,
    maxInFlight,
    ackWithinMs: 60_000,
    onAcknowledged: (sequence) => void acknowledged.push(sequence),
  });
  open = pipeline;
  const answer = (sequence: number, said: object) =>
    hear(null, { subject: `${inbox}${sequence}`, string: () => JSON.stringify(said) } as Msg);
  return { pipeline, sent, acknowledged, answer };
}

const messages = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ subject: `s.${index}`, payload: '{}', headers: {} }));

let open: PublishPipeline | undefined;
afterEach(() => open?.close());

describe('messages published one behind the other', () => {
  it('leave together, each behind the one before, and ask for one acknowledgement', async () => {
    const { pipeline, sent } = aPipeline(100);
    await pipeline.publish(messages(1));
    const publishing = pipeline.publish(messages(4));
    expect(sent.map(({ expected }) => expected)).toEqual([7, 8, 9, 10, 11]);
    expect(sent.map(({ asks }) => asks)).toEqual([true, false, false, false, true]);
    await publishing;
  });

  it('are stored as far as the last that is acknowledged', async () => {
    const { pipeline, acknowledged, answer } = aPipeline(100);
    await pipeline.publish(messages(4));
    expect(pipeline.inFlight).toBe(4);
    answer(11, { seq: 11 });
    expect(acknowledged).toEqual([11]);
    expect(pipeline.inFlight).toBe(0);
  });

  it('begin with one that asks, because what is refused after a message without an answer does not say why', async () => {
    const { pipeline, sent, answer } = aPipeline(100);
    await pipeline.publish(messages(3));
    expect(sent.map(({ asks }) => asks)).toEqual([true, false, true]);
    answer(8, { error: { description: 'maximum bytes exceeded' } });
    await expect(pipeline.publish(messages(1))).rejects.toThrow('refused: maximum bytes exceeded');
  });

  it('wait for room, which the last that fits asks for', async () => {
    const { pipeline, sent, answer } = aPipeline(3);
    const publishing = pipeline.publish(messages(5));
    expect(sent.map(({ asks }) => asks)).toEqual([true, false, true]);
    answer(10, { seq: 10 });
    await publishing;
    expect(sent.map(({ asks }) => asks)).toEqual([true, false, true, false, true]);
  });

  it.each([
    ['as another one', 9, { seq: 10 }],
    ['not at all', 9, {}],
    ['that were not sent', 12, { seq: 12 }],
  ])('break for good where one is acknowledged %s', async (_how, sequence, said) => {
    const { pipeline, acknowledged, answer } = aPipeline(100);
    await pipeline.publish(messages(3));
    answer(sequence, said);
    answer(10, { seq: 10 });
    expect(acknowledged).toEqual([]);
    await expect(pipeline.publish(messages(1))).rejects.toThrow(PipelineBroken);
  });
});
