import { describe, expect, it } from '@jest/globals';
import { START } from '@drover/contracts';
import { follow, type FollowedStore } from './subscription.runner.js';

describe('a subscription', () => {
  it('rests before it asks again where nothing has moved, though it was told that something had', async () => {
    const asked: string[] = [];
    let goOn: () => void = () => undefined;
    const store: FollowedStore = {
      head: async () => START,
      page: async () => {
        asked.push('page');
        return { events: [], next: START, isEnd: true };
      },
      appended: async () => void asked.push('appended'),
      rest: () =>
        new Promise((resolve) => {
          asked.push('rest');
          goOn = resolve;
        }),
    };
    const subscription = follow(store, START, () => undefined);
    const settle = async () => {
      for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    };
    await settle();
    expect(asked).toEqual(['page', 'appended', 'page', 'rest']);
    goOn();
    await settle();
    expect(asked.slice(4)).toEqual(['appended', 'page', 'rest']);
    const stopping = subscription.stop();
    goOn();
    await stopping;
  });
});
