import { describe, expect, it } from '@jest/globals';
import { DEFAULT_PROJECT, errors } from '@drover/contracts';
import { eventsOf } from './vm-events.policy.js';
import { command, fact, operationOf, otherProject, user, vmId, vmOf } from '../testing/vm-facts.js';
import { VmManagerBench } from '../testing/vm-manager-bench.js';

describe('names', () => {
  it('are given once per project, also to those who ask at the same time', async () => {
    const bench = await VmManagerBench.started();
    const answers = await Promise.all(['one', 'two', 'three'].map((name) => bench.command('create', name)));
    expect(answers.map((answer) => answer.kind)).toEqual(['answered', 'rejected', 'rejected']);
    expect(answers[1]).toMatchObject({ rejection: { code: 'VM_NAME_TAKEN', data: { vmId: vmOf('one') } } });
  });

  it('are not given in a project that does not exist, and nothing is recorded', async () => {
    const bench = await VmManagerBench.started();
    expect(await bench.command('create', 'elsewhere', { projectId: otherProject })).toMatchObject({
      rejection: { code: 'PROJECT_NOT_FOUND', field: '/project' },
    });
    expect(await bench.events()).toEqual([]);
  });

  it('are free again when the VM is deleted', async () => {
    const bench = await VmManagerBench.started();
    await bench.command('create', 'create');
    await bench.ended('create');
    await bench.command('delete', 'delete');
    await bench.ended('delete');
    expect(await bench.command('create', 'again')).toMatchObject({ kind: 'answered' });
  });

  it('are free again when the append was refused', async () => {
    const bench = await VmManagerBench.started();
    bench.faultyStore.fateOf = (number) => (number === 1 ? 'refused' : 'stored');
    await expect(bench.command('create', 'one')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(await bench.command('create', 'two')).toMatchObject({ kind: 'answered' });
  });

  it.each([
    ['unanswered', 'rejected'],
    ['lost', 'answered'],
  ] as const)('whose append was %s are looked up before they are given again', async (fate, kind) => {
    const bench = await VmManagerBench.started();
    bench.faultyStore.fateOf = (number) => (number === 1 ? fate : 'stored');
    await expect(bench.command('create', 'one')).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      outcome: 'unknown',
    });
    expect(await bench.command('create', 'two')).toMatchObject({ kind });
  });
});

describe('a command', () => {
  it('repeated after any crash creates one VM and is answered alike', async () => {
    const bench = await VmManagerBench.started();
    bench.faultyStore.fateOf = (number) => (number === 1 ? 'unanswered' : 'stored');
    await expect(bench.command('create', 'create')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await bench.crash();
    expect(await bench.command('create', 'create')).toMatchObject({
      kind: 'answered',
      value: { subjectId: vmId, operationId: operationOf('create') },
    });
    expect((await bench.types()).filter((type) => type === 'VmRequested')).toHaveLength(1);
  });

  it('that is refused leaves no event', async () => {
    const bench = await VmManagerBench.started();
    const answer = await bench.command('start', 'start');
    expect(answer).toMatchObject({ kind: 'rejected', rejection: { code: 'VM_NOT_FOUND' } });
    expect(await bench.events()).toEqual([]);
  });

  it('that is already so names no operation', async () => {
    const bench = await VmManagerBench.started();
    await bench.command('create', 'create');
    await bench.ended('create');
    const answer = await bench.command('start', 'start');
    expect(answer).toEqual({
      kind: 'answered',
      value: { subjectId: vmId, revision: 5, position: (await bench.events()).at(-1)?.position },
    });
  });

  it('is decided again on what another replica wrote meanwhile', async () => {
    const bench = await VmManagerBench.started();
    await bench.command('create', 'create');
    await bench.ended('create');
    // Another replica's stop, of which this one has not read yet when it appends.
    const other = eventsOf([fact.stopRequested('force', 0), fact.began('stop', 'vm.stop', 60_000)], {
      actor: user,
      causationId: command('stop'),
      atMs: bench.clock.epochMs(),
      projectId: DEFAULT_PROJECT,
    });
    const append = bench.store.append(`vm-${vmId}`, 5, other);
    const answer = bench.command('pause', 'pause');
    await append;
    expect(await answer).toMatchObject({ kind: 'rejected', rejection: { code: 'VM_BUSY' } });
  });

  it('is decided on what the stream holds after an append that was not answered', async () => {
    const bench = await VmManagerBench.started();
    await bench.command('create', 'create', { powerOn: false });
    await bench.ended('create');
    const next = bench.faultyStore.appends + 1;
    bench.faultyStore.fateOf = (number) => (number === next ? 'unanswered' : 'stored');
    const unanswered = bench.command('start', 'start').catch((error: unknown) => error);
    // Believed to be stopped still, the VM would seem to need no stop.
    const answer = await bench.command('stop', 'stop', { mode: 'graceful', gracePeriodMs: 0 });
    expect(await unanswered).toMatchObject({ code: 'STORE_UNAVAILABLE', outcome: 'unknown' });
    expect(answer).toMatchObject({ kind: 'answered', value: { operationId: operationOf('stop') } });
    expect(await bench.end(operationOf('start'))).toMatchObject({ type: 'OperationCancelled' });
  });

  it('is refused with a fault that changed nothing while another replica is the active one', async () => {
    const bench = await VmManagerBench.started();
    bench.loseLease();
    await expect(bench.command('create', 'create')).rejects.toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
      outcome: 'not-applied',
    });
    expect(await bench.events()).toEqual([]);
  });

  it('carries who, why and what for into its events', async () => {
    const bench = await VmManagerBench.started();
    await bench.command('create', 'create');
    const [requested] = await bench.events();
    expect(requested?.meta).toMatchObject({
      actor: user,
      projectId: DEFAULT_PROJECT,
      operationId: operationOf('create'),
      causationId: command('create'),
    });
  });
});

describe('a replica', () => {
  it('carries nothing on once it has lost the lease, and takes everything up when it has won it back', async () => {
    const bench = await VmManagerBench.started();
    bench.scheduler.faults.push(errors.SERVICE_UNAVAILABLE('not-applied', 'quiet'));
    await bench.command('create', 'create');
    await bench.until(() => bench.scheduler.asked.length === 1);
    bench.loseLease();
    bench.clock.advance(60_000);
    let turns = 0;
    await bench.until(() => turns++ > 10);
    expect(bench.scheduler.asked).toHaveLength(1);
    expect(await bench.types()).toEqual(['VmRequested', 'OperationBegan']);
    await bench.winLease();
    expect(await bench.ended('create')).toMatchObject({ type: 'OperationSucceeded' });
  });
});
