import type { OrderFinished, ErrorReport, VmOrder, SettledDefinition } from '@drover/contracts';
import { stepsOf, type Step, type StepName, type UndoName } from './order-steps.policy.js';

/** How far an order has come. Stands in the journal; an older copy of it only repeats steps. */
export interface OrderProgress {
  /** Index of the step that is next; while undoing, of the step whose undo is next, downwards. */
  readonly step: number;
  /** Why the steps are being undone. Absent while going forward. */
  readonly failure?: { readonly step: StepName | 'inspect'; readonly error: ErrorReport };
  /** A step that must not be done twice was about to begin. Durable before it does. */
  readonly hasBegunOnce?: boolean;
  readonly facts: OrderFacts;
  readonly undone: readonly StepName[];
  readonly left: readonly string[];
}

/** What steps found out. */
export interface OrderFacts {
  readonly definition?: SettledDefinition;
  /** When the guest was asked to stop or reboot: the grace period counts from here, through restarts of the agent. */
  readonly askedAtEpochMs?: number;
  readonly hasRebooted?: boolean;
  readonly wasForced?: boolean;
  /** What a delete could not remove yet, in words; the agent goes on with it after the order. */
  readonly left?: readonly string[];
}

export const initialProgress: OrderProgress = { step: 0, facts: {}, undone: [], left: [] };

export type OrderResult = OrderFinished['result'];

export type Move =
  | { readonly kind: 'do'; readonly step: Step }
  | { readonly kind: 'undo'; readonly undo: UndoName; readonly step: Step }
  | { readonly kind: 'end'; readonly result: OrderResult };

/** What is due. It follows from order and progress alone, so it is the same after a crash. */
export function nextMove(order: VmOrder, progress: OrderProgress): Move {
  const steps = stepsOf(order);
  if (progress.failure === undefined) {
    const step = steps[progress.step];
    return step === undefined ? { kind: 'end', result: done(progress) } : { kind: 'do', step };
  }
  for (let index = progress.step; index >= 0; index -= 1) {
    const step = steps[index];
    if (step?.undo !== undefined) return { kind: 'undo', undo: step.undo, step };
  }
  const { failure, undone, left } = progress;
  return { kind: 'end', result: { kind: 'failed', ...failure, undone: [...undone], left: [...left] } };
}

/** Whether this must be durable before the next step is done. */
export function needsBeginning({ hasBegunOnce }: OrderProgress, step: Step): boolean {
  return step.isOnce === true && hasBegunOnce !== true;
}

export function afterBeginning(progress: OrderProgress): OrderProgress {
  return { ...progress, hasBegunOnce: true };
}

/** The step that an agent before this one may have done, or may have been waiting for, when it was killed. */
export function interruptedStep(order: VmOrder, progress: OrderProgress): Step | undefined {
  if (progress.failure !== undefined || progress.hasBegunOnce !== true) return undefined;
  const step = stepsOf(order)[progress.step];
  return step?.isOnce === true ? step : undefined;
}

export function afterStep(progress: OrderProgress, facts: OrderFacts = {}): OrderProgress {
  return { ...progress, step: progress.step + 1, facts: { ...progress.facts, ...facts } };
}

/** The step itself is undone too where it may have changed something. */
export function afterFailure(progress: OrderProgress, step: Step, error: ErrorReport): OrderProgress {
  const mayHaveChanged = error.outcome === 'unknown' || step.isPartial === true;
  return {
    ...progress,
    step: mayHaveChanged ? progress.step : progress.step - 1,
    failure: { step: step.name, error },
  };
}

/** The VM may not be touched: nothing was done and nothing is undone. */
export function afterRefusal(progress: OrderProgress, error: ErrorReport): OrderProgress {
  return { ...progress, step: -1, failure: { step: 'inspect', error } };
}

/** @param left what of the step's work could not be taken away yet, in words; the agent goes on with it. */
export function afterUndo(order: VmOrder, progress: OrderProgress, step: Step, left: readonly string[]): OrderProgress {
  const index = stepsOf(order).findIndex(({ name }) => name === step.name);
  return {
    ...progress,
    step: index - 1,
    undone: left.length === 0 ? [...progress.undone, step.name] : progress.undone,
    left: [...progress.left, ...left],
  };
}

/** What a step made could not be taken away; the steps before it stand on it, so they stay as well. */
export function afterFailedUndo(order: VmOrder, progress: OrderProgress, step: Step, why: string): OrderProgress {
  const steps = stepsOf(order);
  const index = steps.findIndex(({ name }) => name === step.name);
  const earlier = steps.slice(0, index).filter(({ undo }) => undo !== undefined);
  return {
    ...progress,
    step: -1,
    left: [
      ...progress.left,
      `${step.name}: ${why}`.slice(0, 500),
      ...earlier.reverse().map(({ name }) => `${name}: not undone`),
    ],
  };
}

function done({ facts }: OrderProgress): OrderResult {
  const wasForced = facts.wasForced ?? false;
  const { definition, left = [] } = facts;
  return {
    kind: 'done',
    wasForced,
    ...(definition === undefined ? {} : { definition }),
    ...(left.length === 0 ? {} : { left: [...left] }),
  };
}
