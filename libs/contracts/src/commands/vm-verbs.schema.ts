import { z } from 'zod';
import { keysOf, verbRow, type Verb, type WishOf } from './verb.schema.js';

/** How long a guest may take to do what it was asked, before force is used. */
const gracePeriodMs = z.int().min(0).max(3_600_000).default(60_000);

/** A verb of a VM that is there. */
interface VmVerbRow extends Verb {
  /** The event that says the wish. */
  readonly begins: `Vm${string}Requested`;
  /** The event that says that it is so. */
  readonly ends: `Vm${string}`;
  /** The power state that is desired from the wish on, and observed from the end on. */
  readonly desired: 'RUNNING' | 'STOPPED' | 'PAUSED' | 'ABSENT';
  /** Done twice it has happened twice, and afterwards no look at the VM tells whether it has. */
  readonly isOnce: boolean;
}

/**
 * The verbs of a VM, one row each. Commands, kinds of operations, events of wishes, orders to hosts, routes of the API and commands of
 * the command line are derived from it. What each verb needs and does is written by hand: its decider and its settlement in
 * vm-manager, its steps in node-agent, its calls in the drivers.
 *
 * `create`, which makes the VM, and `cancel`, which is about an operation, are no rows.
 */
export const vmActions = {
  start: row('start', {
    summary: 'Start a stopped VM',
    body: {},
    example: {},
    begins: 'VmStartRequested',
    ends: 'VmStarted',
    desired: 'RUNNING',
    isOnce: false,
  }),
  stop: row('stop', {
    summary: 'Stop a VM: ask the guest to power off, and use force when it does not',
    body: { mode: z.enum(['graceful', 'force']).default('graceful'), gracePeriodMs },
    example: { mode: 'graceful' },
    begins: 'VmStopRequested',
    ends: 'VmStopped',
    desired: 'STOPPED',
    isOnce: false,
  }),
  reboot: row('reboot', {
    summary: 'Reboot a VM: ask the guest to reboot, and reset it when it does not',
    body: { gracePeriodMs },
    example: { gracePeriodMs: 30_000 },
    begins: 'VmRebootRequested',
    ends: 'VmRebooted',
    desired: 'RUNNING',
    isOnce: true,
  }),
  reset: row('reset', {
    summary: 'Reset a VM at once, as its reset button does',
    body: {},
    example: {},
    begins: 'VmResetRequested',
    ends: 'VmReset',
    desired: 'RUNNING',
    isOnce: true,
  }),
  pause: row('pause', {
    summary: 'Pause the virtual CPUs of a VM; its memory is kept',
    body: {},
    example: {},
    begins: 'VmPauseRequested',
    ends: 'VmPaused',
    desired: 'PAUSED',
    isOnce: false,
  }),
  resume: row('resume', {
    summary: 'Resume a paused VM',
    body: {},
    example: {},
    begins: 'VmResumeRequested',
    ends: 'VmResumed',
    desired: 'RUNNING',
    isOnce: false,
  }),
};

/** The actions, each a route `POST /vms/{vm}/<verb>`, and the removal, `DELETE /vms/{vm}`. */
export const vmVerbs = {
  ...vmActions,
  delete: row('delete', {
    summary: 'Delete a VM and its disks',
    body: {},
    example: {},
    begins: 'VmDeleteRequested',
    ends: 'VmDeleted',
    desired: 'ABSENT',
    isOnce: false,
  }),
};

export type VmActionKind = keyof typeof vmActions;
export type VmVerb = keyof typeof vmVerbs;
/** A verb and what is asked with it, defaults filled in. */
export type VmWish<Verb extends VmVerb = VmVerb> = {
  [Each in Verb]: WishOf<Each, (typeof vmVerbs)[Each]['body']>;
}[Verb];
export type VmAction = VmWish<VmActionKind>;

export const vmActionKinds = keysOf(vmActions);
export const vmVerbNames = keysOf(vmVerbs);

function row<const Kind extends string, const Row extends VmVerbRow>(kind: Kind, given: Row) {
  return verbRow(kind, given);
}
