import type { ProjectId, VmId } from '@drover/contracts';
import type { VmState } from '../domain/vm/vm.state.js';

/**
 * Which VM has which name in its project: an index of the folds, with names reserved while their append is under way.
 *
 * A name whose append was not answered stays reserved, in doubt, until the stream has been read again.
 */
export class VmNames {
  readonly #holders = new Map<string, VmId>();
  readonly #reserved = new Map<string, { readonly vmId: VmId; isInDoubt: boolean }>();

  holder(projectId: ProjectId, name: string): VmId | undefined {
    const key = keyOf(projectId, name);
    return this.#holders.get(key) ?? this.#reserved.get(key)?.vmId;
  }

  /** The VM whose stream has to be read before anybody is told whether the name is free. */
  inDoubt(projectId: ProjectId, name: string): VmId | undefined {
    const reservation = this.#reserved.get(keyOf(projectId, name));
    return reservation?.isInDoubt === true ? reservation.vmId : undefined;
  }

  reserve(projectId: ProjectId, name: string, vmId: VmId): void {
    this.#reserved.set(keyOf(projectId, name), { vmId, isInDoubt: false });
  }

  doubt(projectId: ProjectId, name: string, vmId: VmId): void {
    const reservation = this.#reserved.get(keyOf(projectId, name));
    if (reservation?.vmId === vmId) reservation.isInDoubt = true;
  }

  release(projectId: ProjectId, name: string, vmId: VmId): void {
    const key = keyOf(projectId, name);
    if (this.#reserved.get(key)?.vmId === vmId) this.#reserved.delete(key);
  }

  /** Keeps the index level with the folds. */
  changed(vmId: VmId, before: VmState, after: VmState): void {
    if (before.phase === after.phase) return;
    const identity = after.identity ?? before.identity;
    if (identity === undefined) return;
    const key = keyOf(identity.projectId, identity.name);
    if (after.phase === 'present') this.#holders.set(key, vmId);
    else if (this.#holders.get(key) === vmId) this.#holders.delete(key);
    this.release(identity.projectId, identity.name, vmId);
  }
}

function keyOf(projectId: ProjectId, name: string): string {
  return `${projectId}/${name}`;
}
