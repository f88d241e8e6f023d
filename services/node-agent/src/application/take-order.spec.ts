import { describe, expect, it } from '@jest/globals';
import type { Journal } from './ports/journal.port.js';
import { HostBench } from '../testing/host-bench.js';
import { VmOrders } from '../testing/host-orders.js';

const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

describe('answering an order', () => {
  it('says taken, to the first copy and to a repeat, only when the order is durable', async () => {
    const disk = Promise.withResolvers<void>();
    const bench = new HostBench();
    const slow: Journal = {
      open: async (hostId) => {
        const opened = await bench.journal.open(hostId);
        return {
          content: opened.content,
          write: async (changes) => {
            if (changes.some(({ kind }) => kind === 'taken')) await disk.promise;
            await opened.write(changes);
          },
        };
      },
      close: () => bench.journal.close(),
    };
    const { controlPlane, machine } = bench;
    const agent = bench.create({ journal: slow });
    await agent.start();
    await controlPlane.when(() => (agent.isOpen ? true : undefined));
    const create = new VmOrders('a').create(1);
    let answersCount = 0;
    const answers = [controlPlane.send(create), controlPlane.send(create)].map(async (answer) => {
      const value = await answer;
      answersCount += 1;
      return value;
    });
    await turns(20);
    expect(answersCount).toBe(0);
    expect([...machine.domains()]).toEqual([]);
    disk.resolve();
    expect(await Promise.all(answers)).toEqual([{ kind: 'taken' }, { kind: 'taken' }]);
    await controlPlane.end(create);
    expect(controlPlane.ends(create.orderId)).toHaveLength(1);
    await agent.stop();
  });
});
