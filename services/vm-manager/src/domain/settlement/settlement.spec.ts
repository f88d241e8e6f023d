import { describe, expect, it } from '@jest/globals';
import {
  powerStateSchema,
  vmSubject,
  type ErrorCode,
  type ListedDomain,
  type OrderFinished,
  type PowerState,
  type VmChanged,
  type VmFact,
  type VmStateReport,
} from '@drover/contracts';
import { evolve } from '../vm/vm-evolution.state.js';
import { initialState, type VmState } from '../vm/vm.state.js';
import { pendingOrder } from '../process/host-order.process.js';
import {
  definition,
  fact,
  firstGeneration,
  history,
  hostA,
  hostB,
  operationOf,
  source,
  stored,
  vmId,
} from '../../testing/vm-facts.js';
import { settleCommandFinished } from './order-finished.policy.js';
import { settleListed, settleMissing } from './full-list.policy.js';
import { settleVmChanged } from './vm-changed.policy.js';
import { settleVmState } from './vm-state.policy.js';

const stateOf = (facts: readonly VmFact[]): VmState => facts.map(stored).reduce(evolve, initialState);
const secondGeneration = { epoch: 1, n: 2 };
type Result = OrderFinished['result'];
const done = (withDefinition = false, wasForced = false): Result => ({
  kind: 'done',
  wasForced,
  ...(withDefinition ? { definition } : {}),
});
const failed = (code: ErrorCode, left: string[] = []): Result => ({
  kind: 'failed',
  step: 'start',
  error: { code, detail: 'it did not work', data: { neededMiB: 128, freeMiB: 64 } },
  undone: ['volumes'],
  left,
});

/** The end of the order that the VM waits for. */
function finished(state: VmState, result: Result, powerState: PowerState): OrderFinished {
  const pending = pendingOrder(state)?.order;
  if (pending === undefined) throw new Error('no order is waited for');
  const { orderId, operationId, generation, revision } = pending;
  return {
    kind: 'order-finished',
    orderId,
    subject: vmSubject(vmId),
    operationId,
    generation,
    revision,
    powerState,
    result,
  };
}

const changed = (
  change: VmChanged['change'],
  powerState: PowerState,
  cause: VmChanged['cause'] = 'outside',
): VmChanged => ({
  kind: 'vm-changed',
  subject: vmSubject(vmId),
  generation: firstGeneration,
  powerState,
  change,
  cause,
});

const types = (facts: readonly VmFact[]) => facts.map((one) => one.type);

describe('the end of an order', () => {
  it('of a create is the definition, the start and the end of the operation, in one append', () => {
    const state = stateOf(history.placed());
    const facts = settleCommandFinished(state, finished(state, done(true), 'RUNNING'), source(1));
    expect(facts).toEqual([fact.defined(1), fact.started(1), fact.succeeded('create')]);
  });

  it('of a create without power on is the definition', () => {
    const state = stateOf(history.placed(false));
    const facts = settleCommandFinished(state, finished(state, done(true), 'STOPPED'), source(1));
    expect(types(facts)).toEqual(['VmDefined', 'OperationSucceeded']);
  });

  it('of a create whose guest ended at once tells both facts', () => {
    const state = stateOf(history.placed());
    const facts = settleCommandFinished(state, finished(state, done(true), 'CRASHED'), source(1));
    expect(types(facts)).toEqual(['VmDefined', 'VmStarted', 'VmStopped', 'OperationSucceeded']);
  });

  it('of a graceful stop says whether force was needed', () => {
    const state = stateOf([...history.running(), fact.stopRequested(), fact.began('stop', 'vm.stop')]);
    const facts = settleCommandFinished(state, finished(state, done(false, true), 'STOPPED'), source(2));
    expect(facts).toMatchObject([
      { type: 'VmStopped', data: { cause: 'user', wasForced: true } },
      { type: 'OperationSucceeded' },
    ]);
  });

  it('of a reboot or reset is a fact although the power state is as it was', () => {
    const rebooting = stateOf([
      ...history.running(),
      { type: 'VmRebootRequested', data: { gracePeriodMs: 1 } },
      fact.began('reboot', 'vm.reboot'),
    ]);
    expect(types(settleCommandFinished(rebooting, finished(rebooting, done(), 'RUNNING'), source(2)))).toEqual([
      'VmRebooted',
      'OperationSucceeded',
    ]);
    const resetting = stateOf([
      ...history.running(),
      { type: 'VmResetRequested', data: {} },
      fact.began('reset', 'vm.reset'),
    ]);
    expect(types(settleCommandFinished(resetting, finished(resetting, done(), 'RUNNING'), source(2)))).toEqual([
      'VmReset',
      'OperationSucceeded',
    ]);
  });

  it('of a delete tells what the host could not remove yet', () => {
    const state = stateOf([...history.running(), fact.deleteRequested(), fact.began('delete', 'vm.delete')]);
    const left = ['volume v in pool p: pool p is not active; the host removes it as soon as it can'];
    const facts = settleCommandFinished(
      state,
      finished(state, { kind: 'done', wasForced: false, left }, 'ABSENT'),
      source(2),
    );
    expect(facts).toMatchObject([{ type: 'OperationSucceeded', data: { left } }, fact.deleted(2)]);
  });

  it('of a delete frees the name', () => {
    const state = stateOf([...history.running(), fact.deleteRequested(), fact.began('delete', 'vm.delete')]);
    const facts = settleCommandFinished(state, finished(state, done(), 'ABSENT'), source(2));
    expect(facts).toEqual([fact.succeeded('delete'), fact.deleted(2)]);
  });

  it('that failed fails the operation with the step, what was undone and what is left', () => {
    const state = stateOf(history.placed());
    const facts = settleCommandFinished(
      state,
      finished(state, failed('HYPERVISOR_FAILED', ['volume a']), 'STOPPED'),
      source(1),
    );
    expect(facts).toMatchObject([
      {
        type: 'OperationFailed',
        data: { step: 'start', code: 'HYPERVISOR_FAILED', undone: ['volumes'], left: ['volume a'] },
      },
    ]);
  });

  it('that failed a create of which nothing is left makes it as if it had never been asked', () => {
    const state = stateOf(history.placed());
    const facts = settleCommandFinished(state, finished(state, failed('HYPERVISOR_FAILED'), 'ABSENT'), source(1));
    expect(types(facts)).toEqual(['OperationFailed', 'VmDeleted']);
  });

  it('that failed for want of room has another host tried, when the first has undone it', () => {
    const state = stateOf(history.placed(true, [hostB]));
    const facts = settleCommandFinished(state, finished(state, failed('HOST_FULL'), 'ABSENT'), source(1));
    expect(facts).toMatchObject([
      {
        type: 'VmPlacementFailed',
        data: { nearest: [{ hostId: hostA, filter: 'host-refused', numbers: { neededMiB: 128, freeMiB: 64 } }] },
      },
    ]);
    const left = settleCommandFinished(state, finished(state, failed('HOST_FULL', ['domain']), 'STOPPED'), source(1));
    expect(types(left)).toEqual(['OperationFailed']);
  });

  it.each(['POOL_FULL', 'IMAGE_NOT_FOUND', 'INVALID_DEFINITION', 'NETWORK_NOT_FOUND', 'VOLUME_FOREIGN'] as const)(
    'that a host refused for a reason of its own (%s) has the next best tried, and every reason told at the end',
    (code) => {
      const first = stateOf(history.placed(true, [hostB]));
      const refused = settleCommandFinished(first, finished(first, failed(code), 'ABSENT'), source(1));
      expect(refused).toMatchObject([{ type: 'VmPlacementFailed', data: { refused: { hostId: hostA, code } } }]);
      const second = stateOf([...history.placed(true, [hostB]), ...refused, fact.placed(hostB, secondGeneration)]);
      const facts = settleCommandFinished(second, finished(second, failed('POOL_FULL'), 'ABSENT'), source(1, hostB));
      expect(facts).toMatchObject([
        {
          type: 'OperationFailed',
          data: {
            code: 'POOL_FULL',
            reason: expect.stringContaining(`host ${hostA} refused at start: it did not work`),
            data: { refused: [{ hostId: hostA, code }] },
          },
        },
        { type: 'VmDeleted' },
      ]);
    },
  );

  it('that met somebody else’s domain with the VM’s id frees the name, and says nothing of that domain', () => {
    const state = stateOf(history.placed());
    const facts = settleCommandFinished(state, finished(state, failed('DOMAIN_FOREIGN'), 'RUNNING'), source(1));
    expect(types(facts)).toEqual(['OperationFailed', 'VmDeleted']);
    const deleting = stateOf([...history.running(), fact.deleteRequested(), fact.began('delete', 'vm.delete')]);
    const gone = settleCommandFinished(deleting, finished(deleting, failed('DOMAIN_FOREIGN'), 'RUNNING'), source(2));
    expect(gone).toMatchObject([
      { type: 'OperationSucceeded', data: { left: [expect.stringContaining('not of this fleet')] } },
      { type: 'VmDeleted' },
    ]);
  });

  it('of an undo ends the operation as cancelled and the VM as deleted', () => {
    const state = stateOf([
      ...history.placed(),
      { type: 'OperationCancelRequested', data: { operationId: operationOf('create'), because: 'user' } },
    ]);
    const facts = settleCommandFinished(state, finished(state, done(), 'ABSENT'), source(1));
    expect(facts).toMatchObject([
      { type: 'OperationCancelled', data: { by: 'user', left: [] } },
      { type: 'VmDeleted' },
    ]);
  });

  it('of a removal counts also where the host could not look once more at its end', () => {
    const deleting = stateOf([...history.running(), fact.deleteRequested(), fact.began('delete', 'vm.delete')]);
    const facts = settleCommandFinished(deleting, finished(deleting, done(), 'UNRESPONSIVE'), source(2));
    expect(facts).toEqual([fact.succeeded('delete'), fact.deleted(2)]);
    const undoing = stateOf([
      ...history.placed(),
      { type: 'OperationCancelRequested', data: { operationId: operationOf('create'), because: 'overdue' } },
    ]);
    expect(types(settleCommandFinished(undoing, finished(undoing, done(), 'UNRESPONSIVE'), source(1)))).toEqual([
      'OperationFailed',
      'VmDeleted',
    ]);
  });

  it('of a removal after which a domain is there again is no success', () => {
    const deleting = stateOf([...history.running(), fact.deleteRequested(), fact.began('delete', 'vm.delete')]);
    expect(settleCommandFinished(deleting, finished(deleting, done(), 'RUNNING'), source(2))).toMatchObject([
      { type: 'OperationFailed', data: { step: 'delete', code: 'VM_WRONG_STATE', left: [expect.any(String)] } },
    ]);
  });

  it('that no operation waits for any more still tells what is so, and never ends another operation', () => {
    const stopping = stateOf([...history.running(), fact.stopRequested(), fact.began('stop', 'vm.stop')]);
    const late = finished(stopping, done(), 'STOPPED');
    const overdue: VmFact = {
      type: 'OperationFailed',
      data: {
        operationId: operationOf('stop'),
        step: 'stop',
        code: 'OPERATION_OVERDUE',
        reason: '',
        undone: [],
        left: [],
      },
    };
    const after = [...history.running(), fact.stopRequested(), fact.began('stop', 'vm.stop'), overdue];
    expect(types(settleCommandFinished(stateOf(after), late, source(2)))).toEqual(['VmStopped']);
    const restarting = stateOf([...after, fact.startRequested(), fact.began('start', 'vm.start')]);
    expect(types(settleCommandFinished(restarting, late, source(2)))).toEqual(['VmStopped']);
  });

  it('of a delete that came late ends the VM, unless something else was asked of it since', () => {
    const deleting = [...history.running(), fact.deleteRequested(), fact.began('delete', 'vm.delete')];
    const late = finished(stateOf(deleting), done(), 'ABSENT');
    const overdue: VmFact = {
      type: 'OperationFailed',
      data: {
        operationId: operationOf('delete'),
        step: 'delete',
        code: 'OPERATION_OVERDUE',
        reason: '',
        undone: [],
        left: [],
      },
    };
    expect(settleCommandFinished(stateOf([...deleting, overdue]), late, source(2))).toEqual([fact.deleted(2)]);
    const forced = stateOf([
      ...deleting,
      fact.cancelled('delete', 'superseded', operationOf('stop')),
      fact.stopRequested('force'),
      fact.began('stop', 'vm.stop'),
    ]);
    expect(settleCommandFinished(forced, late, source(2))).toMatchObject([
      { type: 'VmStopped' },
      { type: 'VmDriftFound', data: { kind: 'missing' } },
    ]);
  });

  it('changes nothing under another generation, from another host, or older than what is known', () => {
    const state = stateOf(history.placed());
    const report = finished(state, done(true), 'RUNNING');
    expect(settleCommandFinished(state, { ...report, generation: secondGeneration }, source(1))).toEqual([]);
    expect(settleCommandFinished(state, report, source(1, hostB))).toEqual([]);
    const running = stateOf(history.running());
    expect(settleCommandFinished(running, report, source(1))).toEqual([]);
    expect(settleCommandFinished(running, report, source(0))).toEqual([]);
  });
});

describe('a change that no order of ours made', () => {
  const running = stateOf(history.running());

  it.each([
    [changed('stopped', 'STOPPED', 'guest'), [{ type: 'VmStopped', data: { cause: 'guest', wasForced: false } }]],
    [changed('stopped', 'STOPPED', 'outside'), [{ type: 'VmStopped', data: { cause: 'outside' } }]],
    [changed('crashed', 'CRASHED', 'crash'), [{ type: 'VmStopped', data: { cause: 'crash' } }]],
    [changed('paused', 'PAUSED'), [{ type: 'VmPaused', data: { isIoError: false } }]],
    [changed('io-error', 'PAUSED', 'host'), [{ type: 'VmPaused', data: { isIoError: true } }]],
    [changed('rebooted', 'RUNNING', 'guest'), [{ type: 'VmRebooted', data: { cause: 'guest' } }]],
    [changed('removed', 'ABSENT'), [{ type: 'VmStopped' }, { type: 'VmDriftFound', data: { kind: 'missing' } }]],
    [changed('started', 'RUNNING'), []],
  ] as const)('is taken as it is: %j', (report, expected) => {
    expect(settleVmChanged(running, report, source(2))).toMatchObject(expected);
  });

  it('shows a VM that was started by hand as running, and leaves what was asked', () => {
    const facts = settleVmChanged(stateOf(history.stopped()), changed('started', 'RUNNING'), source(2));
    expect(facts).toMatchObject([{ type: 'VmStarted', data: { cause: 'outside' } }]);
    const after = [...history.stopped(), ...facts].map(stored).reduce(evolve, initialState);
    expect(after).toMatchObject({ observed: 'RUNNING', desired: 'STOPPED' });
  });

  it('changes nothing when it is old, of another generation or host, or before the definition', () => {
    const report = changed('stopped', 'STOPPED');
    expect(settleVmChanged(running, report, source(1))).toEqual([]);
    expect(settleVmChanged(running, { ...report, generation: secondGeneration }, source(2))).toEqual([]);
    expect(settleVmChanged(running, report, source(2, hostB))).toEqual([]);
    expect(settleVmChanged(stateOf(history.placed()), changed('started', 'RUNNING'), source(1))).toEqual([]);
  });

  it('is newer than anything of an earlier journal', () => {
    expect(settleVmChanged(running, changed('stopped', 'STOPPED'), source(1, hostA, 2))).toHaveLength(1);
  });
});

describe('the full list of a host', () => {
  const ours = (fields: Partial<NonNullable<ListedDomain['ours']>> = {}) => ({
    vmId,
    generation: firstGeneration,
    fingerprint: definition.fingerprint,
    ...fields,
  });
  const running = stateOf(history.running());
  const listed = (powerState: PowerState, fields = {}) => ({ powerState, ours: ours(fields) });

  it('that agrees changes nothing', () => {
    expect(settleListed(running, listed('RUNNING'), source(2))).toEqual([]);
  });

  it('tells what died and what was started by hand', () => {
    expect(settleListed(running, listed('STOPPED'), source(2))).toMatchObject([
      { type: 'VmStopped', data: { cause: 'outside' } },
    ]);
    expect(settleListed(running, listed('CRASHED'), source(2))).toMatchObject([
      { type: 'VmStopped', data: { cause: 'crash' } },
    ]);
    expect(settleListed(stateOf(history.stopped()), listed('RUNNING'), source(2))).toMatchObject([
      { type: 'VmStarted', data: { cause: 'outside' } },
    ]);
  });

  it('tells a pause by an I/O error as the host told it when it happened, and only once', () => {
    const full = { ...listed('PAUSED'), isIoError: true };
    const facts = settleListed(running, full, source(2));
    expect(facts).toEqual(settleVmChanged(running, changed('io-error', 'PAUSED', 'host'), source(2)));
    expect(facts).toMatchObject([{ type: 'VmPaused', data: { cause: 'host', isIoError: true } }]);
    expect(settleListed(stateOf([...history.running(), ...facts]), full, source(3))).toEqual([]);
    expect(settleListed(running, listed('PAUSED'), source(2))).toMatchObject([
      { type: 'VmPaused', data: { cause: 'outside', isIoError: false } },
    ]);
  });

  it('says nothing of a guest whose hypervisor process does not answer', () => {
    expect(settleListed(running, listed('UNRESPONSIVE'), source(2))).toEqual([]);
  });

  it('finds a process that libvirt has forgotten, takes the VM for no other than it was, and settles when it is gone', () => {
    const forgotten = { ...listed('UNRESPONSIVE'), isUntracked: true };
    const facts = settleListed(running, forgotten, source(2));
    expect(facts).toMatchObject([{ type: 'VmDriftFound', data: { kind: 'untracked-process' } }]);
    const after = stateOf([...history.running(), ...facts]);
    expect(settleListed(after, forgotten, source(3))).toEqual([]);
    expect(settleListed(after, { ...listed('STOPPED'), stopCause: 'host' }, source(3))).toMatchObject([
      { type: 'VmStopped', data: { cause: 'host' } },
      { type: 'VmDriftSettled', data: { kind: 'untracked-process' } },
    ]);
  });

  it.each(['host', 'guest', 'crash', 'outside'] as const)(
    'says that a VM was stopped by what its host remembers: %s',
    (stopCause) => {
      const facts = settleListed(running, { ...listed('STOPPED'), stopCause }, source(2));
      expect(facts).toMatchObject([{ type: 'VmStopped', data: { cause: stopCause } }]);
    },
  );

  it('finds that a VM was set to start with its host', () => {
    const facts = settleListed(running, { ...listed('RUNNING'), wasAutostart: true }, source(2));
    expect(facts).toMatchObject([{ type: 'VmDriftFound', data: { kind: 'autostart' } }]);
  });

  it('finds volumes that are gone or of another size, each kind once, and that they are as they were', () => {
    const odd = {
      ...listed('STOPPED'),
      volumeProblems: [
        { kind: 'missing' as const, detail: 'a is not there' },
        { kind: 'missing' as const, detail: 'b is not there' },
        { kind: 'size' as const, detail: 'c has 2 MiB' },
      ],
    };
    const stopped = stateOf([...history.running(), fact.stopped(1)]);
    const facts = settleListed(stopped, odd, source(2));
    expect(facts).toMatchObject([
      { type: 'VmDriftFound', data: { kind: 'volume-missing', detail: 'a is not there; b is not there' } },
      { type: 'VmDriftFound', data: { kind: 'volume-size', detail: 'c has 2 MiB' } },
    ]);
    const after = facts.map(stored).reduce(evolve, stopped);
    expect(settleListed(after, odd, source(3))).toEqual([]);
    expect(settleListed(after, listed('STOPPED'), source(3))).toMatchObject([
      { type: 'VmDriftSettled', data: { kind: 'volume-missing' } },
      { type: 'VmDriftSettled', data: { kind: 'volume-size' } },
    ]);
  });

  it('finds an edited definition once, and that it is settled', () => {
    const edited = listed('RUNNING', { fingerprint: 'b'.repeat(64) });
    const facts = settleListed(running, edited, source(2));
    expect(facts).toMatchObject([{ type: 'VmDriftFound', data: { kind: 'edited' } }]);
    const after = stateOf([...history.running(), ...facts]);
    expect(settleListed(after, edited, source(3))).toEqual([]);
    expect(settleListed(after, listed('RUNNING'), source(3))).toMatchObject([
      { type: 'VmDriftSettled', data: { kind: 'edited' } },
    ]);
  });

  it('finds a VM missing, whatever it was believed to do, and that it is back', () => {
    const facts = settleMissing(running, source(2));
    expect(facts).toMatchObject([
      { type: 'VmStopped', data: { cause: 'outside' } },
      { type: 'VmDriftFound', data: { kind: 'missing', powerState: 'ABSENT' } },
    ]);
    const after = stateOf([...history.running(), ...facts]);
    expect(settleMissing(after, source(3))).toEqual([]);
    expect(types(settleListed(after, listed('RUNNING'), source(3)))).toEqual(['VmStarted', 'VmDriftSettled']);
  });

  it('tells nothing of a VM that was never requested: its domain is a stray of the host', () => {
    expect(settleListed(initialState, listed('RUNNING'), source(2))).toEqual([]);
    expect(settleMissing(initialState, source(2))).toEqual([]);
  });

  it('shows what a host has of a VM that was given to no host yet', () => {
    const failedCreate = stateOf([...history.requested(), fact.cancelled('create')]);
    expect(settleListed(failedCreate, listed('RUNNING'), source(2))).toMatchObject([
      { type: 'VmDriftFound', data: { kind: 'unknown', detail: expect.stringContaining('the VM has no host') } },
    ]);
  });

  it('shows an older copy, here or on another host, and takes nothing else from it', () => {
    const moved = stateOf([...history.placed(), fact.placed(hostB, secondGeneration), fact.succeeded('create')]);
    expect(settleListed(moved, listed('RUNNING'), source(2))).toMatchObject([
      { type: 'VmDriftFound', data: { hostId: hostA, kind: 'superseded-copy' } },
    ]);
    expect(settleListed(running, listed('RUNNING'), source(2, hostB))).toMatchObject([
      { type: 'VmDriftFound', data: { hostId: hostB, kind: 'unknown' } },
    ]);
  });

  it('leaves a VM alone that an operation holds, or that was reported on since the list began', () => {
    const stopping = stateOf([...history.running(), fact.stopRequested(), fact.began('stop', 'vm.stop')]);
    expect(settleListed(stopping, listed('STOPPED'), source(2))).toEqual([]);
    expect(settleMissing(stopping, source(2))).toEqual([]);
    expect(settleListed(running, listed('STOPPED'), source(1))).toEqual([]);
    expect(settleMissing(running, source(0))).toEqual([]);
  });

  it('does not miss a VM whose making has not come to its definition', () => {
    const failedCreate = stateOf([...history.placed(), fact.cancelled('create')]);
    expect(settleMissing(failedCreate, source(2))).toEqual([]);
  });

  it('tells nothing of a VM that was deleted, and its drift has ended with it', () => {
    const copy = settleListed(running, listed('RUNNING'), source(2, hostB));
    expect(types(copy)).toEqual(['VmDriftFound']);
    const deleted = stateOf([
      ...history.running(),
      ...copy,
      fact.deleteRequested(),
      fact.began('delete', 'vm.delete'),
      fact.succeeded('delete'),
      fact.deleted(2),
    ]);
    expect(deleted.drift).toEqual([]);
    for (const hostId of [hostA, hostB]) {
      expect(settleListed(deleted, listed('RUNNING'), source(3, hostId))).toEqual([]);
      expect(settleMissing(deleted, source(3, hostId))).toEqual([]);
    }
  });
});

describe('what a host has of a VM whose operation is out of time', () => {
  function seen(state: VmState, powerState: PowerState, more: Partial<VmStateReport> = {}) {
    const orderId = pendingOrder(state)?.order.orderId;
    if (orderId === undefined) throw new Error('no order is waited for');
    const generation = powerState === 'ABSENT' ? {} : { generation: firstGeneration };
    const report: VmStateReport = { kind: 'vm-state', subject: vmSubject(vmId), orderId, powerState, ...generation };
    return settleVmState(state, { ...report, ...more }, source(9));
  }
  const creating = stateOf(history.placed());
  const stopping = stateOf([...history.running(), fact.stopRequested(), fact.began('stop', 'vm.stop')]);
  const starting = stateOf([...history.stopped(), fact.startRequested(), fact.began('start', 'vm.start')]);

  it('ends a create as succeeded where the VM runs and its host is at nothing more', () => {
    expect(types(seen(creating, 'RUNNING', { definition }))).toEqual(['VmDefined', 'VmStarted', 'OperationSucceeded']);
  });

  it('ends nothing as done while the host is still at it, because it may turn back', () => {
    expect(seen(creating, 'RUNNING', { definition, underWay: 'forward' })).toEqual([]);
    expect(seen(creating, 'UNRESPONSIVE', { underWay: 'forward' })).toEqual([]);
    expect(seen(starting, 'RUNNING', { underWay: 'forward' })).toEqual([]);
    expect(seen(stopping, 'STOPPED', { underWay: 'forward' })).toEqual([]);
  });

  it('leaves all to the end of the order while the host takes back what it did', () => {
    for (const state of [creating, starting, stopping]) {
      for (const powerState of powerStateSchema.options) {
        expect(seen(state, powerState, { definition, underWay: 'undoing' })).toEqual([]);
      }
    }
  });

  it('ends what was done as succeeded, and what was not as failed', () => {
    expect(types(seen(stopping, 'STOPPED'))).toEqual(['VmStopped', 'OperationSucceeded']);
    expect(seen(stopping, 'RUNNING')).toMatchObject([{ type: 'OperationFailed', data: { code: 'OPERATION_OVERDUE' } }]);
  });

  it('undoes a create of which nothing is there, or which is still being made, and nothing that may run', () => {
    const undone = [{ type: 'OperationCancelRequested', data: { because: 'overdue' } }];
    expect(seen(creating, 'ABSENT')).toMatchObject(undone);
    expect(seen(creating, 'STOPPED', { underWay: 'forward' })).toMatchObject(undone);
    for (const powerState of ['UNRESPONSIVE', 'STOPPED', 'CRASHED'] as const) {
      expect(seen(creating, powerState)).toMatchObject([
        { type: 'OperationFailed', data: { left: [expect.stringContaining(hostA)] } },
      ]);
    }
  });

  it('changes nothing by an old report, of another host, or of another order', () => {
    const { orderId } = pendingOrder(stopping)?.order ?? {};
    if (orderId === undefined) throw new Error('no order is waited for');
    expect(seen(creating, 'RUNNING', { orderId })).toEqual([]);
    const report: VmStateReport = { kind: 'vm-state', subject: vmSubject(vmId), orderId, powerState: 'ABSENT' };
    expect(settleVmState(stopping, report, source(1))).toEqual([]);
    expect(settleVmState(stopping, report, source(9, hostB))).toEqual([]);
  });
});
