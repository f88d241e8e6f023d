import { describe, expect, it } from '@jest/globals';
import { AgentGroup, type GroupedAgent } from './agent-group.js';

const hosts = Array.from({ length: 300 }, (_, index) => index);
const never = new AbortController().signal;
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Counts how many are under way; each ends when the test releases it. */
function gate() {
  const waiting: (() => void)[] = [];
  return {
    waiting,
    pass: () => new Promise<void>((resolve) => waiting.push(resolve)),
    openAll: async () => {
      while (waiting.length > 0) {
        for (const resolve of waiting.splice(0)) resolve();
        await settled();
      }
    },
  };
}

describe('the agents of one process', () => {
  it('start some at a time, and tell how many there are', async () => {
    const group = new AgentGroup<GroupedAgent>();
    const signingIn = gate();
    const told: number[] = [];
    const start = async () => {
      await signingIn.pass();
      return { stop: async () => undefined };
    };
    const started = group.start(hosts, start, never, (count) => told.push(count));
    await settled();
    expect(signingIn.waiting).toHaveLength(64);
    await signingIn.openAll();
    await started;
    expect(group.agents).toHaveLength(300);
    expect(told).toEqual(hosts.map((index) => index + 1));
  });

  it('stop side by side, some at a time, and all though one cannot be stopped', async () => {
    const group = new AgentGroup<GroupedAgent>();
    const leaving = gate();
    let stopped = 0;
    const start = async (host: number) => ({
      stop: async () => {
        await leaving.pass();
        stopped += 1;
        if (host === 7) throw new Error('no answer');
      },
    });
    await group.start(hosts, start, never, () => undefined);
    const stop = group.stop();
    const failed = expect(stop).rejects.toMatchObject({ errors: [{ message: 'no answer' }] });
    await settled();
    expect(leaving.waiting).toHaveLength(64);
    await leaving.openAll();
    await failed;
    expect(stopped).toBe(300);
  });

  it('begin no further one after the first that is refused', async () => {
    const group = new AgentGroup<GroupedAgent>();
    let begun = 0;
    const refuse = () => {
      begun += 1;
      return Promise.reject(new Error('NATS refuses the credentials'));
    };
    await expect(group.start(hosts, refuse, never, () => undefined)).rejects.toThrow(/refuses/);
    await settled();
    expect(begun).toBe(64);
  });

  it('stop while they start: those under way are waited for and stopped, no further one begins', async () => {
    const group = new AgentGroup<GroupedAgent>();
    const signingIn = gate();
    const ending = new AbortController();
    let stopped = 0;
    const start = async () => {
      await signingIn.pass();
      return { stop: async () => void (stopped += 1) };
    };
    const started = group.start(hosts, start, ending.signal, () => undefined);
    const failed = expect(started).rejects.toThrow();
    await settled();
    ending.abort();
    const stop = group.stop();
    await signingIn.openAll();
    await Promise.all([failed, stop]);
    expect(stopped).toBe(64);
  });
});
