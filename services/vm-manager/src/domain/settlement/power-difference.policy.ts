import type { DriftKind, Generation, HostId, PowerCause, PowerState, ReportSource, VmFact } from '@drover/contracts';
import type { VmState } from '../vm/vm.state.js';

/** Where an observed fact comes from. */
export interface Observation {
  readonly hostId: HostId;
  readonly generation: Generation;
  readonly source: ReportSource;
}

/** The facts between the power state that is known and the one that was reported. */
export function powerDifference(
  state: VmState,
  reported: PowerState,
  cause: PowerCause,
  observation: Observation,
  wasForced = false,
): readonly VmFact[] {
  const known = state.observed;
  switch (reported) {
    case 'RUNNING':
      if (known === 'RUNNING') return [];
      return [
        known === 'PAUSED'
          ? { type: 'VmResumed', data: { ...observation, cause } }
          : { type: 'VmStarted', data: { ...observation, cause } },
      ];
    case 'PAUSED':
      return known === 'PAUSED' ? [] : [{ type: 'VmPaused', data: { ...observation, cause, isIoError: false } }];
    case 'STOPPED':
    case 'CRASHED':
    case 'ABSENT': {
      if (known === undefined || known === 'STOPPED') return [];
      return [
        { type: 'VmStopped', data: { ...observation, cause: reported === 'CRASHED' ? 'crash' : cause, wasForced } },
      ];
    }
    // Nothing is known of the guest, so what was known stands.
    case 'UNRESPONSIVE':
      return [];
  }
}

/** The hypervisor paused the VM itself, rather than lose what it writes. */
export function ioErrorDifference(state: VmState, cause: PowerCause, observation: Observation): readonly VmFact[] {
  return state.observed === 'PAUSED' ? [] : [{ type: 'VmPaused', data: { ...observation, cause, isIoError: true } }];
}

/** Drift of one kind on the reporting host, as it is now: found, settled, or as it was. */
export function driftDifference(
  state: VmState,
  kind: DriftKind,
  isThere: boolean,
  source: ReportSource,
  detail: string,
  powerState?: PowerState,
): readonly VmFact[] {
  const { hostId } = source;
  const isKnown = state.drift.some((drift) => drift.hostId === hostId && drift.kind === kind);
  if (isThere === isKnown) return [];
  if (!isThere) return [{ type: 'VmDriftSettled', data: { source, hostId, kind } }];
  const seen = powerState === undefined ? {} : { powerState };
  return [{ type: 'VmDriftFound', data: { source, hostId, kind, detail, ...seen } }];
}
