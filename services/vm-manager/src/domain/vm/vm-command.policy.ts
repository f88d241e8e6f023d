import {
  commandEffectLabels,
  type OperationId,
  type Rejection,
  type VmCommand,
  type VmFact,
  type VmId,
} from '@drover/contracts';
import { derivedId, requestDigest, type Decision } from '@drover/domain-kit';
import type { Delivery } from '@drover/operations';
import type { ImageStanding } from '../image/pin-images.policy.js';
import type { Timeouts } from './timeouts.policy.js';

export type VmDecision = Decision<VmFact, Rejection>;

/** What a decision needs in addition to the VM's own stream. */
export interface DecisionContext {
  readonly timeouts: Timeouts;
  /** The other VM of the project that has the name asked for, or is being given it at this moment. */
  readonly nameHolder?: VmId;
  /** What the catalogue of images says to a name. */
  readonly imageStanding: (name: string) => ImageStanding;
  /** How far the open operation’s order has come, as far as this process knows. */
  readonly delivery: Delivery;
  /** Whether the VM's host can be heard: what it reported may be so no more where it cannot. */
  readonly isHostHeard: boolean;
  /** Whether the host reported of the VM what was not recorded: what is known may not be so, although the host is heard. */
  readonly isDoubtful: boolean;
}

/** What tells whether what was observed is so now. */
export type Certainty = Pick<DecisionContext, 'isHostHeard' | 'isDoubtful'>;

/** The VM that a create makes: derived from the command, so that a retry after any crash creates nothing twice. */
export function vmIdOf(command: Pick<VmCommand<'create'>, 'commandId'>): VmId {
  return derivedId(command.commandId, commandEffectLabels.vm) as VmId;
}

/** The VM that a command is about. */
export function subjectOf(command: VmCommand): VmId {
  return command.kind === 'create' ? vmIdOf(command) : command.vmId;
}

/** Whether a command repeats the id of one that asked something else. The digest is the earlier one's, where there was one. */
export function asksOtherwise(command: VmCommand, earlierDigest: string | undefined): boolean {
  return earlierDigest !== undefined && earlierDigest !== requestDigest(command);
}

/** The operation that a command begins, or for a cancel the one it ends. */
export function operationIdOf(command: VmCommand): OperationId {
  if (command.kind === 'cancel') return command.operationId;
  return derivedId(command.commandId, commandEffectLabels.operation) as OperationId;
}
