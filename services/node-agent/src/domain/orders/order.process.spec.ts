import { describe, expect, it } from '@jest/globals';
import type { ErrorReport, VmOrder } from '@drover/contracts';
import { VmOrders } from '../../testing/host-orders.js';
import { stepsOf, type StepName } from './order-steps.policy.js';
import {
  afterFailedUndo,
  afterFailure,
  afterRefusal,
  afterStep,
  afterUndo,
  initialProgress,
  nextMove,
  type OrderProgress,
} from './order.process.js';

const vm = new VmOrders('a');
const refused: ErrorReport = { code: 'HYPERVISOR_FAILED', outcome: 'not-applied', detail: 'no' };
const unknown: ErrorReport = { code: 'TIMED_OUT', outcome: 'unknown', detail: 'perhaps' };

/** What is done and undone when this step fails. */
function failingAt(order: VmOrder, failing: StepName, error: ErrorReport) {
  const moves: string[] = [];
  let progress: OrderProgress = initialProgress;
  for (;;) {
    // Through JSON, as the journal keeps it.
    progress = JSON.parse(JSON.stringify(progress)) as OrderProgress;
    const move = nextMove(order, progress);
    if (move.kind === 'end') return { moves, result: move.result };
    moves.push(move.kind === 'do' ? move.step.name : `undo: ${move.undo}`);
    if (move.kind === 'undo') progress = afterUndo(order, progress, move.step, []);
    else progress = move.step.name === failing ? afterFailure(progress, move.step, error) : afterStep(progress);
  }
}

describe('the process of an order', () => {
  it.each([
    [vm.create(1), ['check-capacity', 'create-volumes', 'define', 'start']],
    [vm.create(1, { powerOn: false }), ['create-volumes', 'define']],
    [vm.start(1), ['check-capacity', 'define', 'start']],
    [vm.stop(1), ['request-shutdown', 'await-stop', 'force-stop', 'mark']],
    [vm.forceStop(1), ['force-stop', 'mark']],
    [vm.reboot(1), ['request-reboot', 'await-reboot', 'reset', 'mark']],
    [vm.plain('delete', 1), ['force-stop', 'undefine', 'delete-volumes']],
  ] as const)('does the steps of $kind in order', (order, names) => {
    expect(stepsOf(order).map(({ name }) => name)).toEqual(names);
  });

  it.each([
    ['check-capacity', refused, []],
    ['create-volumes', refused, ['undo: delete-volumes']],
    ['define', refused, ['undo: delete-volumes']],
    ['define', unknown, ['undo: undefine', 'undo: delete-volumes']],
    ['start', refused, ['undo: undefine', 'undo: delete-volumes']],
    ['start', unknown, ['undo: force-stop', 'undo: undefine', 'undo: delete-volumes']],
  ] as const)('undoes a create that fails at %s in reverse', (step, error, undos) => {
    const { moves, result } = failingAt(vm.create(1), step, error);
    expect(moves.slice(moves.indexOf(step) + 1)).toEqual(undos);
    expect(result).toMatchObject({ kind: 'failed', step, error, left: [] });
  });

  it.each(['stop', 'reboot', 'delete'] as const)('undoes nothing of a %s', (kind) => {
    const order = kind === 'stop' ? vm.stop(1) : kind === 'reboot' ? vm.reboot(1) : vm.plain('delete', 1);
    for (const { name } of stepsOf(order)) {
      const { moves, result } = failingAt(order, name, unknown);
      expect(moves.at(-1)).toBe(name);
      expect(result).toMatchObject({ kind: 'failed', step: name, undone: [] });
    }
  });

  it('makes certain that a start whose outcome is unknown does not run', () => {
    expect(failingAt(vm.start(1), 'start', unknown).moves.at(-1)).toBe('undo: force-stop');
    expect(failingAt(vm.start(1), 'start', refused).moves.at(-1)).toBe('start');
  });

  it('stops undoing at an undo that fails, and names all that is left', () => {
    const order = vm.create(1);
    const [, , define] = stepsOf(order);
    if (define === undefined) throw new Error('a create defines');
    const failed = afterFailure({ ...initialProgress, step: 2 }, define, unknown);
    const move = nextMove(order, afterFailedUndo(order, failed, define, 'HYPERVISOR_FAILED: no'));
    expect(move).toMatchObject({
      kind: 'end',
      result: { undone: [], left: ['define: HYPERVISOR_FAILED: no', 'create-volumes: not undone'] },
    });
  });

  it('undoes nothing of a VM that it may not touch', () => {
    const error: ErrorReport = { code: 'DOMAIN_FOREIGN', detail: 'not ours' };
    const move = nextMove(vm.create(1), afterRefusal({ ...initialProgress, step: 3 }, error));
    expect(move).toMatchObject({ kind: 'end', result: { kind: 'failed', step: 'inspect', undone: [], left: [] } });
  });
});
