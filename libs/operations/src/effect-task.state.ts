import type { EventId, HostId, OperationId } from '@drover/contracts';
import type { AnyEffect } from './effect.js';
import type { Delivery, OpenWork } from './work.js';

export const FIRST_RETRY_MS = 100;
/** Short, because nothing tells that a scheduler or a host is back but its answer. */
export const LONGEST_RETRY_MS = 1_000;
/** A host that is heard again is asked at once. */
export const LONGEST_UNHEARD_RETRY_MS = 10_000;
/** For what no operation waits for any more; a host that opens its lane is asked at once. */
const LONGEST_OWED_RETRY_MS = 60_000;
/** Its report is under way in the lane. */
const LOOK_AGAIN_MS = 10_000;
/** Before a host that could not reach its hypervisor is asked again. */
const AFTER_DELAY_MS = 5_000;

/** An effect that is being carried out. */
export interface Task {
  readonly key: string;
  readonly causeId: EventId;
  readonly operationId: OperationId;
  /** The host that it concerns, where it concerns one. */
  readonly hostId: HostId | undefined;
  readonly controller: AbortController;
  /** How far the orders of the cause have come at each host: one map for all tasks of the cause, the later ones as well. */
  readonly deliveries: Map<HostId, Delivery>;
  isRunning: boolean;
  /** Asked for again while it was running. */
  isWanted: boolean;
  failures: number;
  /** By the monotonic clock; absent while it runs, and when nothing is to be repeated. */
  retryAtMs: number | undefined;
}

/** @param others tasks of the same thing; what is known of an order belongs to its cause, not to the task that learned it. */
export function newTask(
  effect: AnyEffect,
  { operationId, delays }: Pick<OpenWork, 'operationId' | 'delays'>,
  nowMs: number,
  others: readonly Task[],
): Task {
  const causeId = effect.cause.eventId;
  return {
    key: keyOf(effect),
    causeId,
    operationId,
    hostId: effect.hostId,
    controller: new AbortController(),
    deliveries: others.find((task) => task.causeId === causeId)?.deliveries ?? new Map<HostId, Delivery>(),
    isRunning: false,
    isWanted: false,
    failures: 0,
    retryAtMs: nowMs + (delays > 0 && effect.kind === 'send' ? AFTER_DELAY_MS : 0),
  };
}

/** Why the waiting for an answer ends. One for all: without it each `abort` makes an exception, with its stack, that nothing reads. */
const NOT_DUE = 'the effect is no longer due';

export function endWaiting({ controller }: Task): void {
  controller.abort(NOT_DUE);
}

export function keyOf({ kind, cause, hostId }: AnyEffect): string {
  return `${kind}/${cause.eventId}/${hostId ?? ''}`;
}

export type Asked = 'look-taken' | 'owed' | 'unheard' | 'heard';

export function retryDelayMs(failures: number, asked: Asked): number {
  if (asked === 'look-taken') return LOOK_AGAIN_MS;
  const longestMs = { owed: LONGEST_OWED_RETRY_MS, unheard: LONGEST_UNHEARD_RETRY_MS, heard: LONGEST_RETRY_MS }[asked];
  return Math.min(longestMs, FIRST_RETRY_MS * 2 ** Math.min(failures, 10));
}
