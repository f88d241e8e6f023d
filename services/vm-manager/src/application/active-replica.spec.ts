import { describe, expect, it } from '@jest/globals';
import { ActiveReplica } from './active-replica.process.js';

function replica() {
  const did: string[] = [];
  const caughtUp = Promise.withResolvers<void>();
  let holder: { won(): void; lost(): void } | undefined;
  const active = new ActiveReplica({
    lease: {
      compete: (given) => {
        holder = given;
      },
      holds: () => true,
      resign: async () => void did.push('resign'),
    },
    intake: { open: async () => void did.push('open'), close: async () => void did.push('close') },
    operations: { activate: () => void did.push('activate'), deactivate: () => void did.push('deactivate') },
    follower: { caughtUp: () => caughtUp.promise },
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
  });
  active.start();
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  return { active, did, caughtUp, turn, won: () => holder?.won(), lost: () => holder?.lost() };
}

describe('the active replica', () => {
  it('acts only after it has read what the store held when the lease was won', async () => {
    const { active, did, caughtUp, turn, won } = replica();
    won();
    await turn();
    expect(active.isActive).toBe(false);
    caughtUp.resolve();
    await turn();
    expect(active.isActive).toBe(true);
    expect(did).toEqual(['activate', 'open']);
  });

  it('stops acting before anything else when the lease is lost', async () => {
    const { active, did, caughtUp, turn, won, lost } = replica();
    caughtUp.resolve();
    won();
    await turn();
    lost();
    expect(active.isActive).toBe(false);
    expect(did.at(-1)).toBe('deactivate');
    await turn();
    expect(did.at(-1)).toBe('close');
  });

  it('does not begin a term that ended while it was still reading', async () => {
    const { active, did, caughtUp, turn, won, lost } = replica();
    won();
    await turn();
    lost();
    caughtUp.resolve();
    await turn();
    expect(active.isActive).toBe(false);
    expect(did).not.toContain('activate');
  });

  it('never acts again once it has retired', async () => {
    const { active, did, caughtUp, turn, won } = replica();
    caughtUp.resolve();
    won();
    await turn();
    active.retire('a newer release is writing', {});
    await turn();
    won();
    await turn();
    expect(active.isActive).toBe(false);
    expect(did).toEqual(['activate', 'open', 'deactivate', 'close', 'resign']);
  });
});
