import {
  isVmPowerFact,
  isVmWish,
  powerStateSaidBy,
  vmVerbs,
  vmWishOf,
  type OperationId,
  type ReportSource,
  type StoredVmEvent,
  type VmWishFact,
} from '@drover/contracts';
import { assertNever } from '@drover/domain-kit';
import type { Cause } from '@drover/operations';
import {
  hostOrderId,
  KNOWN_OPERATIONS,
  type Drift,
  type KnownOperation,
  type OpenOperation,
  type VmState,
  type Wish,
} from './vm.state.js';

/** Of a VM that is gone: its delete, and what that took the place of. */
const KNOWN_AFTER_DELETION = 2;
/** An undo and the deletes that took each other's place; older ones have long been answered. */
const KNOWN_REMOVALS = 8;

/** The state after one more event of the stream. */
export function evolve(state: VmState, event: StoredVmEvent): VmState {
  return { ...applied(state, event), revision: event.revision, position: event.position };
}

/**
 * The state as the store's own copy of an event settles it.
 *
 * The writer applies its events before it reads them back, and only the store knows `recordedAt`: this puts that right.
 */
export function confirmed(state: VmState, event: StoredVmEvent): VmState {
  const operation = state.operation;
  if (operation === undefined) return state;
  const recordedAtMs = Date.parse(event.recordedAt);
  if (event.type === 'OperationBegan' && event.data.operationId === operation.operationId) {
    return operation.beganAtMs === recordedAtMs
      ? state
      : { ...state, operation: { ...operation, beganAtMs: recordedAtMs } };
  }
  if (operation.undoing?.cause.eventId === event.id && operation.undoing.atMs !== recordedAtMs) {
    return { ...state, operation: { ...operation, undoing: { ...operation.undoing, atMs: recordedAtMs } } };
  }
  return state;
}

function applied(state: VmState, event: StoredVmEvent): VmState {
  if (isVmWish(event)) return asked(state, event);
  if (isVmPowerFact(event)) return sourced({ ...state, observed: powerStateSaidBy(event) }, event.data.source);
  switch (event.type) {
    case 'VmRequested': {
      const { powerOn, ...identity } = event.data;
      const desired = powerOn ? 'RUNNING' : 'STOPPED';
      return wished({ ...state, phase: 'present', identity, desired }, event, { kind: 'create', powerOn });
    }
    case 'VmPlaced': {
      const { hostId, generation, runnersUp } = event.data;
      const operation =
        state.operation === undefined
          ? undefined
          : {
              ...state.operation,
              cause: causeOf(event),
              isPlaced: true,
              // The list of the first choice stays: later ones only ask whether one of it still fits.
              runnersUp:
                state.operation.refusals > 0
                  ? state.operation.runnersUp.filter((candidate) => candidate !== hostId)
                  : runnersUp.map((candidate) => candidate.hostId),
            };
      return withOperation({ ...state, hostId, generation }, operation);
    }
    case 'VmPlacementFailed':
      return unplaced(state, event);
    case 'VmDefined': {
      const { definition, source } = event.data;
      return sourced({ ...state, definition, observed: state.observed ?? 'STOPPED' }, source);
    }
    case 'VmDeleted': {
      // What a late report or a repeated command needs; the rest of a VM that is gone is not kept in memory.
      const { identity: _i, definition: _d, hostId: _h, observed: _o, wish: _w, owedUndo: _u, ...rest } = state;
      const deleted: VmState = {
        ...rest,
        phase: 'deleted',
        desired: 'ABSENT',
        knownOperations: state.knownOperations.slice(-KNOWN_AFTER_DELETION),
        removals: [],
        drift: [],
      };
      return event.data.source === undefined ? deleted : sourced(deleted, event.data.source);
    }
    case 'VmDriftFound': {
      const { hostId, kind, source } = event.data;
      return sourced({ ...state, drift: [...without(state.drift, { hostId, kind }), { hostId, kind }] }, source);
    }
    case 'VmOrderLoweringRequested':
      return state;
    case 'VmDriftSettled':
      return sourced({ ...state, drift: without(state.drift, event.data) }, event.data.source);
    case 'OperationBegan':
      return begun(state, event);
    case 'OperationDelayed':
      return delayed(state, event);
    case 'OperationSucceeded':
    case 'OperationFailed':
      return ended(state, event.data.operationId, false);
    case 'OperationCancelled':
      return ended(state, event.data.operationId, true);
    case 'OperationCancelRequested': {
      if (state.operation?.operationId !== event.data.operationId) return state;
      const undoing = { because: event.data.because, cause: causeOf(event), atMs: Date.parse(event.recordedAt) };
      return removing({ ...state, operation: { ...state.operation, undoing } }, undoing.cause);
    }
    default:
      return assertNever(event);
  }
}

function asked(state: VmState, event: StoredVmEvent & VmWishFact): VmState {
  const wish = vmWishOf(event);
  const next = wished({ ...state, desired: vmVerbs[wish.kind].desired }, event, wish);
  return wish.kind === 'delete' ? removing(next, causeOf(event)) : next;
}

function causeOf(event: StoredVmEvent): Cause {
  return { eventId: event.id, revision: event.revision };
}

function wished(state: VmState, event: StoredVmEvent, wish: Wish): VmState {
  const { owedUndo: _, ...rest } = state;
  return { ...rest, wish: { wish, cause: causeOf(event) } };
}

function begun(state: VmState, event: Extract<StoredVmEvent, { type: 'OperationBegan' }>): VmState {
  const { operationId, kind, timeoutMs } = event.data;
  // Every wish stands right before the beginning of its operation; the fallback only keeps this total.
  const wish = state.wish ?? { wish: { kind: 'start' }, cause: causeOf(event) };
  const operation: OpenOperation = {
    operationId,
    kind,
    timeoutMs,
    wish: wish.wish,
    cause: wish.cause,
    beganAtMs: Date.parse(event.recordedAt),
    isPlaced: false,
    runnersUp: [],
    refusals: 0,
    refused: [],
    delays: 0,
    isUnheard: false,
    ...(event.meta.traceparent === undefined ? {} : { traceparent: event.meta.traceparent }),
  };
  const { requestDigest } = event.meta;
  const known: KnownOperation = {
    operationId,
    isCancelled: false,
    ...(requestDigest === undefined ? {} : { requestDigest }),
  };
  return { ...state, operation, knownOperations: [...state.knownOperations, known].slice(-KNOWN_OPERATIONS) };
}

/** Asked again, the host gets a new command: the one before has ended there. */
function delayed(state: VmState, event: Extract<StoredVmEvent, { type: 'OperationDelayed' }>): VmState {
  const { operation } = state;
  if (operation?.operationId !== event.data.operationId) return state;
  if (event.data.because === 'host-unheard') return { ...state, operation: { ...operation, isUnheard: true } };
  const cause = causeOf(event);
  const again = { ...state, operation: { ...operation, cause, delays: operation.delays + 1 } };
  return operation.wish.kind === 'delete' ? removing(again, cause) : again;
}

function ended(state: VmState, operationId: OperationId, isCancelled: boolean): VmState {
  const isOpen = state.operation?.operationId === operationId;
  const undoing = isOpen ? state.operation.undoing : undefined;
  const closed = isOpen ? withOperation(state, undefined) : state;
  // Unless the VM's deletion stands next to it, the host has not confirmed the undo.
  const next = undoing === undefined ? closed : { ...closed, owedUndo: { operationId, cause: undoing.cause } };
  if (!isCancelled) return next;
  return {
    ...next,
    knownOperations: next.knownOperations.map((known) =>
      known.operationId === operationId ? { ...known, isCancelled } : known,
    ),
  };
}

/** The VM has no host: none fits, or the one that was chosen refused it and undid what it had done. */
function unplaced(state: VmState, event: Extract<StoredVmEvent, { type: 'VmPlacementFailed' }>): VmState {
  const { refused } = event.data;
  const { hostId: _, ...rest } = state;
  const operation = state.operation;
  if (operation === undefined) return rest;
  return {
    ...rest,
    operation: {
      ...operation,
      cause: causeOf(event),
      isPlaced: false,
      refusals: operation.refusals + 1,
      refused: refused === undefined ? operation.refused : [...operation.refused, refused],
      // A candidate that was asked for by itself and does not fit is used up.
      runnersUp: operation.isPlaced ? operation.runnersUp : operation.runnersUp.slice(1),
    },
  };
}

function withOperation(state: VmState, operation: OpenOperation | undefined): VmState {
  if (operation !== undefined) return { ...state, operation };
  const { operation: _, ...rest } = state;
  return rest;
}

function removing(state: VmState, cause: Cause): VmState {
  return { ...state, removals: [...state.removals, hostOrderId(cause)].slice(-KNOWN_REMOVALS) };
}

function sourced(state: VmState, source: ReportSource): VmState {
  return { ...state, sources: [...state.sources.filter((known) => known.hostId !== source.hostId), source] };
}

function without(drift: readonly Drift[], settled: Drift): readonly Drift[] {
  return drift.filter((known) => known.hostId !== settled.hostId || known.kind !== settled.kind);
}
