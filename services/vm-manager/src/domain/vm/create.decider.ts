import { errors, isKnownProject, type OperationId, type ProjectId, type VmCommand, type VmId } from '@drover/contracts';
import { accept, reject } from '@drover/domain-kit';
import { pinImages } from '../image/pin-images.policy.js';
import { unsupportedField } from './supported-fields.policy.js';
import { vmIdOf, type DecisionContext, type VmDecision } from './vm-command.policy.js';
import type { VmState } from './vm.state.js';

export function decideCreate(
  state: VmState,
  command: VmCommand<'create'>,
  operationId: OperationId,
  context: Pick<DecisionContext, 'timeouts' | 'nameHolder' | 'imageStanding'>,
): VmDecision {
  // The VM's id is derived from the command: whatever became of the VM, this command has been decided.
  if (state.phase !== 'unknown') return accept();
  if (!isKnownProject(command.projectId)) return reject(noProject(command.projectId));
  const unsupported = unsupportedField(command.spec);
  if (unsupported !== undefined) return reject(unsupported);
  if (context.nameHolder !== undefined) return reject(nameTaken(command.name, context.nameHolder));
  const pinned = pinImages(command.spec, context.imageStanding);
  if ('rejection' in pinned) return reject(pinned.rejection);
  const { projectId, name, powerOn } = command;
  const { spec } = pinned;
  return accept(
    { type: 'VmRequested', data: { vmId: vmIdOf(command), projectId, name, spec, powerOn } },
    { type: 'OperationBegan', data: { operationId, kind: 'vm.create', timeoutMs: context.timeouts.createMs } },
  );
}

function noProject(project: ProjectId) {
  return errors.PROJECT_NOT_FOUND(`there is no project ${project}`, { field: '/project' });
}

function nameTaken(name: string, holder: VmId) {
  return errors.VM_NAME_TAKEN(`the name ${name} belongs to VM ${holder}; choose another name or delete that VM`, {
    field: '/name',
    data: { vmId: holder },
  });
}
