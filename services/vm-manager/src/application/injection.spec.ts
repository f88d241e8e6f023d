import { beforeAll, describe, expect, it } from '@jest/globals';
import { errors } from '@drover/contracts';
import type { Fate } from '@drover/aggregate/testing';
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
    expect(await bench.insist(verb, verb, fields)).toMatchObject({ kind: 'answered' });
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
          throw errors.TIMED_OUT('unknown', 'lost');
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
        throw errors.TIMED_OUT('unknown', 'killed');
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

const HOUR_MS = 3_600_000;
/** Longer than the time of any operation. */
const LONG_MS = 900_000;

/** Facts of an undisturbed life, but for what tells that an operation had to wait. */
async function expectDone(bench: VmManagerBench): Promise<void> {
  const types = (await bench.types()).filter((type) => type !== 'OperationDelayed');
  expect(types).toEqual(undisturbed.types);
  expect([...bench.hosts.host(hostA).power]).toEqual([]);
}

describe('an outage longer than the time of any operation destroys nothing and fails nothing that was done', () => {
  const verbs = life.map(([verb]) => verb);

  /** Lives up to a verb, whose command the host has taken; what it does then is for the outage. */
  async function upTo(bench: VmManagerBench, until: string): Promise<void> {
    const host = bench.hosts.host(hostA);
    for (const [verb, fields] of life) {
      const sends = bench.hosts.sent.length;
      if (verb === until) host.isHung = true;
      await bench.insist(verb, verb, fields);
      if (verb === until) return bench.until(() => bench.hosts.sent.length > sends);
      await bench.ended(verb);
    }
  }

  async function liveOn(bench: VmManagerBench, from: string): Promise<void> {
    const rest = life.slice(verbs.indexOf(from as (typeof verbs)[number]));
    for (const [verb, fields] of rest) {
      await bench.insist(verb, verb, fields);
      expect(await bench.ended(verb)).toMatchObject({ type: 'OperationSucceeded' });
    }
  }

  it.each(verbs)('of vm-manager, while the host does the %s', async (verb) => {
    const bench = await VmManagerBench.started();
    await upTo(bench, verb);
    bench.loseLease();
    bench.hosts.host(hostA).resume();
    bench.clock.advance(LONG_MS);
    await bench.crash();
    await liveOn(bench, verb);
    await expectDone(bench);
  });

  it.each(verbs)('of the event store, while the host does the %s', async (verb) => {
    const bench = await VmManagerBench.started();
    await upTo(bench, verb);
    bench.faultyStore.fateOf = () => 'refused';
    bench.hosts.host(hostA).resume();
    await bench.pass(LONG_MS);
    bench.faultyStore.fateOf = () => 'stored';
    await liveOn(bench, verb);
    await expectDone(bench);
  });

  it.each(verbs)('of the messages between, while the host does the %s', async (verb) => {
    const bench = await VmManagerBench.started();
    await upTo(bench, verb);
    bench.hosts.host(hostA).isReachable = false;
    bench.hosts.host(hostA).resume();
    await bench.pass(LONG_MS);
    await bench.reconnect(hostA);
    await liveOn(bench, verb);
    await expectDone(bench);
  });

  it.each(verbs)('of the host, before it does the %s', async (verb) => {
    const bench = await VmManagerBench.started();
    await upTo(bench, verb);
    bench.hosts.host(hostA).isReachable = false;
    await bench.pass(LONG_MS);
    bench.hosts.host(hostA).resume();
    await bench.reconnect(hostA);
    await liveOn(bench, verb);
    await expectDone(bench);
  });
});

describe('a clock of vm-manager’s machine that is hours off, or steps', () => {
  it.each([-7 * HOUR_MS, 7 * HOUR_MS])('changes nothing: %i ms', async (offMs) => {
    const bench = await VmManagerBench.started();
    const host = bench.hosts.host(hostA);
    bench.wallClockOffMs = offMs;
    for (const [verb, fields] of life) {
      host.isHung = true;
      await bench.insist(verb, verb, fields);
      const sent = bench.hosts.sent.length;
      await bench.until(() => bench.hosts.sent.length >= sent);
      bench.wallClockOffMs = -bench.wallClockOffMs;
      await bench.crash();
      host.resume();
      expect(await bench.ended(verb)).toMatchObject({ type: 'OperationSucceeded' });
    }
    await expectUndisturbed(bench);
  });

  it('does not change when what found no host ends', async () => {
    for (const offMs of [-7 * HOUR_MS, 0, 7 * HOUR_MS]) {
      const bench = await VmManagerBench.started();
      bench.wallClockOffMs = offMs;
      bench.scheduler.faults.push(...Array.from({ length: 5_000 }, () => errors.TIMED_OUT('unknown', 'quiet')));
      const beganMs = bench.clock.monotonicMs();
      await bench.insist('create', 'create');
      await bench.pass(300_000);
      await bench.crash();
      expect(await bench.ended('create')).toMatchObject({ data: { code: 'OPERATION_OVERDUE', step: 'place' } });
      const tookMs = bench.clock.monotonicMs() - beganMs;
      expect(Math.abs(tookMs - 600_000)).toBeLessThan(65_000);
    }
  });
});

describe('run twice, each step is as run once', () => {
  it('takes every command of a client, every order to a host and every report twice', async () => {
    const bench = await VmManagerBench.started();
    for (const [verb, fields] of life) {
      const first = await bench.insist(verb, verb, fields);
      const second = await bench.insist(verb, verb, fields);
      expect(second).toMatchObject({ kind: 'answered', value: { operationId: operationOf(verb) } });
      expect(first.kind).toBe('answered');
      await bench.ended(verb);
      for (const { order } of [...bench.hosts.sent]) bench.hosts.host(hostA).receive(order);
      await bench.report(hostA);
      await bench.crash();
      await bench.report(hostA);
      expect(await bench.insist(verb, verb, fields)).toEqual({
        kind: 'answered',
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
