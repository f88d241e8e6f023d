import { describe, expect, it } from '@jest/globals';
import { operationOf, spec, vmId } from '../testing/vm-facts.js';
import { VmManagerBench } from '../testing/vm-manager-bench.js';

const force = { mode: 'force', gracePeriodMs: 0 } as const;

/** A VM that has had more operations since than a fold remembers; `superseding` took the place of a start. */
async function longLived(): Promise<VmManagerBench> {
  const bench = await VmManagerBench.started();
  await bench.command('create', 'create', { powerOn: false });
  await bench.ended('create');
  await bench.command('start', 'superseded');
  await bench.command('stop', 'superseding', force);
  await bench.ended('superseding');
  for (let round = 0; round < 9; round += 1) {
    await bench.command('start', `start ${round}`);
    await bench.ended(`start ${round}`);
    await bench.command('stop', `stop ${round}`, force);
    await bench.ended(`stop ${round}`);
  }
  return bench;
}

describe('a repeat of a command that is older than what the fold remembers', () => {
  it.each([
    ['superseding', 'stop', force],
    ['start 0', 'start', {}],
  ] as const)('(%s) has no second effect and gets its old answer', async (name, verb, fields) => {
    const bench = await longLived();
    // As it is now, the VM would be brought to the other state by it.
    if (verb === 'stop') {
      await bench.command('start', 'start at last');
      await bench.ended('start at last');
    }
    const before = await bench.events();
    expect(await bench.command(verb, name, fields)).toMatchObject({
      kind: 'answered',
      value: { subjectId: vmId, operationId: operationOf(name) },
    });
    expect(await bench.events()).toEqual(before);
  });

  it('that would now take the place of another operation has no effect either', async () => {
    const bench = await longLived();
    bench.hosts.all.forEach((host) => (host.isHung = true));
    await bench.command('start', 'hangs');
    const before = await bench.events();
    // Decided anew it would be the first append that cancels: the store knows a part of it.
    expect(await bench.command('stop', 'stop 0', force)).toMatchObject({
      value: { operationId: operationOf('stop 0') },
    });
    expect(await bench.events()).toEqual(before);
  });

  it('finds that an operation so old has ended when it is to be cancelled', async () => {
    const bench = await longLived();
    expect(await bench.command('cancel', 'cancel', { operationId: operationOf('create') })).toMatchObject({
      rejection: { code: 'OPERATION_NOT_CANCELLABLE' },
    });
  });
});

describe('a create under a request id that was used before', () => {
  it('is answered as it was, whatever became of the VM', async () => {
    const bench = await VmManagerBench.started();
    await bench.command('create', 'create');
    await bench.ended('create');
    for (const verb of ['stop', 'start', 'stop', 'delete'] as const) {
      const name = `${verb} ${(await bench.events()).length}`;
      await bench.command(verb, name, verb === 'stop' ? force : {});
      await bench.ended(name);
    }
    const events = await bench.events();
    expect(await bench.command('create', 'create')).toEqual({
      kind: 'answered',
      value: {
        subjectId: vmId,
        operationId: operationOf('create'),
        revision: events.length - 1,
        position: events.at(-1)?.position,
      },
    });
    expect(await bench.events()).toEqual(events);
  });

  it('is refused where it asks for another VM', async () => {
    const bench = await VmManagerBench.started();
    await bench.command('create', 'create');
    expect(await bench.command('create', 'create', { name: 'other' })).toMatchObject({
      rejection: { code: 'IDEMPOTENCY_KEY_REUSED' },
    });
  });
});

describe('a request under a request id that another request was done under', () => {
  it.each([
    ['stop', 'stop 0', { mode: 'force', gracePeriodMs: 1 }],
    ['stop', 'stop 8', { mode: 'force', gracePeriodMs: 1 }],
    ['create', 'create', { powerOn: true }],
    ['reboot', 'start 0', { gracePeriodMs: 0 }],
  ] as const)('(%s after %s) is refused, however long ago that was', async (verb, name, fields) => {
    const bench = await longLived();
    if (verb !== 'create') {
      await bench.command('start', 'start at last');
      await bench.ended('start at last');
    }
    const before = await bench.events();
    expect(await bench.command(verb, name, fields)).toMatchObject({ rejection: { code: 'IDEMPOTENCY_KEY_REUSED' } });
    expect(await bench.events()).toEqual(before);
  });

  it('is refused while the first one is under way, and after the VM has gone', async () => {
    const bench = await VmManagerBench.started();
    await bench.command('create', 'create');
    expect(await bench.command('create', 'create', { spec: spec({ memory: { sizeMiB: 64 } }) })).toMatchObject({
      rejection: { code: 'IDEMPOTENCY_KEY_REUSED' },
    });
    await bench.ended('create');
    await bench.command('stop', 'stop', force);
    await bench.ended('stop');
    await bench.command('delete', 'delete');
    await bench.ended('delete');
    for (const verb of ['start', 'create'] as const) {
      expect(await bench.command(verb, verb === 'start' ? 'delete' : 'create', { powerOn: false })).toMatchObject({
        rejection: { code: 'IDEMPOTENCY_KEY_REUSED' },
      });
    }
  });
});

describe('a create of a VM that is gone', () => {
  async function gone(): Promise<VmManagerBench> {
    const bench = await VmManagerBench.started();
    await bench.command('create', 'create');
    await bench.ended('create');
    await bench.command('delete', 'delete');
    await bench.ended('delete');
    await bench.until(() => !bench.manager.folds.streams.folds.has(vmId));
    return bench;
  }

  it('under the request id that made it is refused where it asks for another VM', async () => {
    const bench = await gone();
    expect(await bench.command('create', 'create', { name: 'other' })).toMatchObject({
      rejection: { code: 'IDEMPOTENCY_KEY_REUSED' },
    });
  });

  it('under the request id that made it has its old answer, also when another VM has its name', async () => {
    const bench = await gone();
    await bench.command('create', 'another');
    expect(await bench.command('create', 'create')).toMatchObject({
      kind: 'answered',
      value: { subjectId: vmId, operationId: operationOf('create') },
    });
  });
});
