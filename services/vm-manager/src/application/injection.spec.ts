import { beforeAll, describe, expect, it } from '@jest/globals';
import { Fault } from '@drover/contracts';
import type { Fate } from '../testing/faulty-store.js';
import { hostA, operationOf } from '../testing/vm-facts.js';
import { VmManagerBench } from '../testing/vm-manager-bench.js';

const force = { mode: 'force', gracePeriodMs: 0 };
const graceful = { mode: 'graceful', gracePeriodMs: 1_000 };

/** Every operation once, each waited for. */
const life = [
  ['create', {}],
  ['pause', {}],
  ['resume', {}],
  ['reboot', { gracePeriodMs: 1_000 }],
  ['reset', {}],
  ['stop', graceful],
  ['start', {}],
  ['delete', {}],
] as const;

async function live(bench: VmManagerBench): Promise<void> {
  for (const [verb, fields] of life) {
    expect(await bench.insist(verb, verb, fields)).toMatchObject({ kind: 'accepted' });
    expect(await bench.ended(verb)).toMatchObject({ type: 'OperationSucceeded' });
  }
}

let undisturbed: { readonly types: readonly string[]; readonly appends: number; readonly sends: number };

beforeAll(async () => {
  const bench = await VmManagerBench.started();
  await live(bench);
  undisturbed = { types: await bench.types(), appends: bench.faultyStore.appends, sends: bench.hosts.sent.length };
});

/** The same facts, each once, and each command carried out once. */
async function expectUndisturbed(bench: VmManagerBench): Promise<void> {
  expect(await bench.types()).toEqual(undisturbed.types);
  expect(bench.hosts.host(hostA).done.map((command) => command.kind)).toEqual(life.map(([verb]) => verb));
  expect([...bench.hosts.host(hostA).power]).toEqual([]);
}

// One create, seven operations: request; place and end of the create; request and end of each other.
const appends = Array.from({ length: 17 }, (_, index) => index + 1);
const sends = Array.from({ length: 8 }, (_, index) => index + 1);

describe('whatever fails once, the VM’s life is the same', () => {
  it('has as many steps as are disturbed below', () => {
    expect(undisturbed).toMatchObject({ appends: appends.length, sends: sends.length });
  });

  it.each(
    appends.flatMap((append) => (['refused', 'lost', 'unanswered'] as const).map((fate) => [append, fate] as const)),
  )('append %i is %s', async (append, fate) => {
    const bench = await VmManagerBench.started();
    bench.faultyStore.fateOf = (number): Fate => (number === append ? fate : 'stored');
    await live(bench);
    await expectUndisturbed(bench);
  });

  it('every append is refused twice, and every second answer is lost', async () => {
    const bench = await VmManagerBench.started();
    const fates: readonly Fate[] = ['refused', 'refused', 'unanswered', 'stored'];
    bench.faultyStore.fateOf = (number) => fates[number % fates.length] ?? 'stored';
    await live(bench);
    await expectUndisturbed(bench);
  });

  it.each(sends.flatMap((send) => (['command', 'answer'] as const).map((loss) => [send, loss] as const)))(
    'of send %i the %s is lost',
    async (send, loss) => {
      const bench = await VmManagerBench.started();
      bench.hosts.onSend = (number, moment) => {
        if (number === send && moment === (loss === 'command' ? 'before' : 'after')) {
          throw new Fault('TIMED_OUT', 'unknown', 'lost');
        }
      };
      await live(bench);
      await expectUndisturbed(bench);
    },
  );

  it.each(sends)('the process is killed at send %i, before and after the host has it', async (send) => {
    for (const when of ['before', 'after'] as const) {
      const bench = await VmManagerBench.started();
      bench.hosts.onSend = (number, moment) => {
        if (number !== send || moment !== when) return;
        void bench.crash();
        throw new Fault('TIMED_OUT', 'unknown', 'killed');
      };
      await live(bench);
      await expectUndisturbed(bench);
    }
  });

  it.each(appends)('the process is killed at append %i, before and after it is stored', async (append) => {
    for (const fate of ['lost', 'unanswered'] as const) {
      const bench = await VmManagerBench.started();
      bench.faultyStore.fateOf = (number) => {
        if (number !== append) return 'stored';
        void bench.crash();
        return fate;
      };
      await live(bench);
      await expectUndisturbed(bench);
    }
  });
});

describe('run twice, each step is as run once', () => {
  it('takes every command of a client, every host command and every report twice', async () => {
    const bench = await VmManagerBench.started();
    for (const [verb, fields] of life) {
      const first = await bench.insist(verb, verb, fields);
      const second = await bench.insist(verb, verb, fields);
      expect(second).toMatchObject({ kind: 'accepted', value: { operationId: operationOf(verb) } });
      expect(first.kind).toBe('accepted');
      await bench.ended(verb);
      for (const { command } of [...bench.hosts.sent]) bench.hosts.host(hostA).receive(command);
      await bench.report(hostA);
      await bench.crash();
      await bench.report(hostA);
      expect(await bench.insist(verb, verb, fields)).toEqual({
        kind: 'accepted',
        value: expect.objectContaining({ operationId: operationOf(verb) }),
      });
    }
    await expectUndisturbed(bench);
  });
});

describe('a step that fails on the host', () => {
  it.each(life.slice(1))('%s: ends the operation with the host’s reason, and the VM goes on', async (verb, fields) => {
    const bench = await VmManagerBench.started();
    for (const [before, beforeFields] of life) {
      if (before === verb) break;
      await bench.insist(before, before, beforeFields);
      await bench.ended(before);
    }
    bench.hosts.host(hostA).failures.set(verb, [
      {
        kind: 'failed',
        step: verb,
        error: { code: 'HYPERVISOR_FAILED', detail: 'it did not work' },
        undone: [],
        left: ['what was there'],
      },
    ]);
    await bench.insist(verb, verb, fields);
    expect(await bench.ended(verb)).toMatchObject({
      type: 'OperationFailed',
      data: { step: verb, code: 'HYPERVISOR_FAILED', left: ['what was there'] },
    });
    await bench.insist('stop', 'stop after', force);
    await bench.insist('delete', 'delete after');
    expect(await bench.ended('delete after')).toMatchObject({ type: 'OperationSucceeded' });
  });
});
