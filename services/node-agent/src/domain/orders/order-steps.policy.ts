import type { VmOrder, PowerState, VmChanged } from '@drover/contracts';
import { assertNever } from '@drover/domain-kit';

export type StepName =
  | 'check-capacity'
  | 'create-volumes'
  | 'define'
  | 'start'
  | 'request-shutdown'
  | 'await-stop'
  | 'force-stop'
  | 'request-reboot'
  | 'await-reboot'
  | 'reset'
  | 'pause'
  | 'resume'
  | 'mark'
  | 'undefine'
  | 'delete-volumes';

export type UndoName = 'delete-volumes' | 'undefine' | 'force-stop';

/** A step with its undo. Each but those of a reset or reboot may be done twice, and undone when it was never done. */
export interface Step {
  readonly name: StepName;
  /** Absent where nothing has to be undone; the tables below say why. */
  readonly undo?: UndoName;
  /** A failure may leave part of it behind even where it says that it changed nothing. */
  readonly isPartial?: boolean;
  /** A state of the VM that proves the step done, whatever its caller was told. */
  readonly goal?: readonly PowerState[];
  /** Only the VM's own process can do it: one that was silent for as long as it may be is not asked again. */
  readonly needsAnswer?: boolean;
  /**
   * Done twice it has happened twice, and no look tells whether it has: where that is unknown, so is the order's end. The
   * journal says that it is about to begin before it does.
   */
  readonly isOnce?: boolean;
}

const stopped = ['STOPPED', 'ABSENT', 'CRASHED'] as const;

const checkCapacity: Step = { name: 'check-capacity' };
const start: Step = { name: 'start', undo: 'force-stop', goal: ['RUNNING'] };
const forceStop: Step = { name: 'force-stop', goal: stopped };
const reset: Step = { name: 'reset', isOnce: true };
// Only the hypervisor's signal tells that a guest has rebooted, and the agent that waits for it must be there to hear it.
const requestReboot: Step = { name: 'request-reboot', isOnce: true };
const awaitReboot: Step = { name: 'await-reboot', isOnce: true };
// The mark tells which order touched the VM last. The next one writes over it.
const mark: Step = { name: 'mark' };

const create: readonly Step[] = [
  { name: 'create-volumes', undo: 'delete-volumes', isPartial: true },
  { name: 'define', undo: 'undefine' },
];

/**
 * What an order does, in order.
 *
 * Only create and start are undone: what stop, reboot, reset, pause, resume and delete have done is what was asked for,
 * and half of it is nearer to the wish than none. A start that defines the VM anew leaves the definition: it is the one
 * that is wanted.
 */
export function stepsOf(order: VmOrder): readonly Step[] {
  switch (order.kind) {
    case 'create':
      return order.powerOn ? [checkCapacity, ...create, start] : create;
    case 'start':
      return [checkCapacity, { name: 'define' }, start];
    case 'stop':
      return order.mode === 'force'
        ? [forceStop, mark]
        : [{ name: 'request-shutdown', goal: stopped }, { name: 'await-stop' }, forceStop, mark];
    case 'reboot':
      return [requestReboot, awaitReboot, reset, mark];
    case 'reset':
      return [reset, mark];
    case 'pause':
      return [{ name: 'pause', goal: ['PAUSED'], needsAnswer: true }, mark];
    case 'resume':
      return [{ name: 'resume', goal: ['RUNNING'], needsAnswer: true }, mark];
    case 'delete':
      return [forceStop, { name: 'undefine', goal: ['ABSENT'] }, { name: 'delete-volumes' }];
    default:
      return assertNever(order);
  }
}

/** What else the agent knows of an order. */
interface OrderTraits {
  /** The power states in which it makes sense; absent: any. */
  readonly needs?: readonly PowerState[];
  /** What the hypervisor signals because of it. A stop may be told as the guest's own, a reset as a reboot. */
  readonly causes: readonly VmChanged['change'][];
}

export const orderTraits: Readonly<Record<VmOrder['kind'], OrderTraits>> = {
  create: { causes: ['started', 'resumed', 'stopped', 'removed'] },
  start: { needs: ['ABSENT', 'STOPPED', 'CRASHED', 'RUNNING'], causes: ['started', 'resumed'] },
  stop: { causes: ['stopped', 'paused'] },
  reboot: { needs: ['RUNNING', 'UNRESPONSIVE'], causes: ['rebooted', 'resumed'] },
  reset: { needs: ['RUNNING', 'PAUSED', 'UNRESPONSIVE'], causes: ['rebooted', 'resumed'] },
  pause: { needs: ['RUNNING', 'PAUSED', 'UNRESPONSIVE'], causes: ['paused'] },
  resume: { needs: ['RUNNING', 'PAUSED', 'UNRESPONSIVE'], causes: ['resumed'] },
  delete: { causes: ['stopped', 'removed'] },
};
