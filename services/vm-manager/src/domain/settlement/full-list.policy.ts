import { compareGenerations, type ListedDomain, type ReportSource, type VmFact } from '@drover/contracts';
import { isMade, isOldReport, type VmState } from '../vm/vm.state.js';
import { driftDifference, ioErrorDifference, powerDifference } from './power-difference.policy.js';

/** A domain of ours in a host's full list. */
export interface ListedVm extends Pick<
  ListedDomain,
  'powerState' | 'isIoError' | 'isUntracked' | 'stopCause' | 'volumeProblems' | 'wasAutostart'
> {
  readonly ours: NonNullable<ListedDomain['ours']>;
}

/**
 * The difference between the store and one entry of a host's full list. The host's word on power is taken; what needs a person
 * is drift. VMs with an operation under way are left to its end. What a host has of a VM that is not there is a stray of the host.
 */
export function settleListed(state: VmState, listed: ListedVm, source: ReportSource): readonly VmFact[] {
  if (state.phase !== 'present' || state.operation !== undefined || isOldReport(state, source)) return [];
  const { isIoError = false, isUntracked = false, powerState, ours, wasAutostart = false } = listed;
  const { hostId } = source;
  // A VM without a generation was given to no host, so every copy of it is one that was not given.
  const age = state.generation === undefined ? 1 : compareGenerations(ours.generation, state.generation);
  const isHere = age === 0 && state.hostId === hostId;
  const copy = `a copy of generation ${ours.generation.epoch}.${ours.generation.n}`;
  const elsewhere = state.hostId === undefined ? 'the VM has no host' : `the VM is on host ${state.hostId}`;
  const copies = [
    ...driftDifference(state, 'superseded-copy', age < 0, source, `${copy}; ${elsewhere}`, powerState),
    ...driftDifference(
      state,
      'unknown',
      age >= 0 && !isHere,
      source,
      `${copy}, never given to this host; ${elsewhere}`,
      powerState,
    ),
  ];
  if (!isHere) return copies;
  const observation = { hostId, generation: ours.generation, source };
  const known = state.definition?.fingerprint;
  const isEdited =
    known === undefined || ours.fingerprint === ''
      ? state.drift.some((drift) => drift.hostId === hostId && drift.kind === 'edited')
      : ours.fingerprint !== known;
  const power =
    powerState === 'PAUSED' && isIoError
      ? ioErrorDifference(state, 'host', observation)
      : powerDifference(state, powerState, listed.stopCause ?? 'outside', observation);
  return [
    ...(isMade(state) ? power : []),
    ...copies,
    ...driftDifference(state, 'missing', false, source, ''),
    ...driftDifference(
      state,
      'edited',
      isEdited,
      source,
      'the definition on the host was changed by other means',
      powerState,
    ),
    ...driftDifference(
      state,
      'untracked-process',
      isUntracked,
      source,
      'a process of the VM runs that libvirt does not know; force-stop the VM to end it',
      powerState,
    ),
    ...driftDifference(
      state,
      'autostart',
      wasAutostart,
      source,
      'the VM was set to start with its host; that was cleared',
      powerState,
    ),
    ...volumeDrift(state, listed, source),
  ];
}

function volumeDrift(
  state: VmState,
  { powerState, volumeProblems = [] }: ListedVm,
  source: ReportSource,
): readonly VmFact[] {
  return (['missing', 'size'] as const).flatMap((kind) => {
    const details = volumeProblems.filter((problem) => problem.kind === kind).map(({ detail }) => detail);
    const detail = details.join('; ').slice(0, 1000);
    return driftDifference(state, `volume-${kind}`, details.length > 0, source, detail, powerState);
  });
}

/** What follows for a VM that the store gives the host, or had drift there, and that the host's full list does not name. */
export function settleMissing(state: VmState, source: ReportSource): readonly VmFact[] {
  if (state.operation !== undefined || isOldReport(state, source)) return [];
  const { hostId } = source;
  const gone = (
    ['edited', 'unknown', 'superseded-copy', 'untracked-process', 'autostart', 'volume-missing', 'volume-size'] as const
  ).flatMap((kind) => driftDifference(state, kind, false, source, ''));
  const isExpected = state.phase === 'present' && state.hostId === hostId && isMade(state);
  if (!isExpected || state.generation === undefined) {
    return [...gone, ...driftDifference(state, 'missing', false, source, '')];
  }
  const observation = { hostId, generation: state.generation, source };
  return [
    ...powerDifference(state, 'ABSENT', 'outside', observation),
    ...gone,
    ...driftDifference(state, 'missing', true, source, 'the host has no domain of this VM', 'ABSENT'),
  ];
}
