import { comparePositions, type Position, type ProjectId, type VmId } from '@drover/contracts';
import type { VmState } from '../domain/vm/vm.state.js';

interface Holder {
  readonly vmId: VmId;
  /** Of its `VmRequested`. */
  readonly position: Position;
}

/**
 * Which VM has which name in its project: an index of the folds, with names reserved while their append is under way.
 *
 * A name whose append was not answered stays reserved, in doubt, until the stream has been read again. Where a writer that
 * has just lost its lease let a second request through, the store's order tells whose the name is: the first one's.
 */
export class VmNames {
  /** Who has a name, first requested first; more than one until the later ones have failed. */
  readonly #holders = new Map<string, readonly Holder[]>();
  readonly #reserved = new Map<string, { readonly vmId: VmId; isInDoubt: boolean }>();

  holder(projectId: ProjectId, name: string): VmId | undefined {
    const key = keyOf(projectId, name);
    return this.#holders.get(key)?.[0]?.vmId ?? this.#reserved.get(key)?.vmId;
  }

  /** The VM that had this VM's name before it was requested. Certain once the store has been read up to that request. */
  earlierHolder(vmId: VmId, { identity }: VmState): VmId | undefined {
    if (identity === undefined) return undefined;
    const first = this.#holders.get(keyOf(identity.projectId, identity.name))?.[0]?.vmId;
    return first === vmId ? undefined : first;
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
  changed(vmId: VmId, before: VmState, after: VmState, requestedAt: Position): void {
    if (before.phase === after.phase) return;
    const identity = after.identity ?? before.identity;
    if (identity === undefined) return;
    const key = keyOf(identity.projectId, identity.name);
    const others = (this.#holders.get(key) ?? []).filter((holder) => holder.vmId !== vmId);
    const holders = after.phase === 'present' ? [...others, { vmId, position: requestedAt }] : others;
    if (holders.length === 0) this.#holders.delete(key);
    else
      this.#holders.set(
        key,
        holders.sort((one, other) => comparePositions(one.position, other.position)),
      );
    this.release(identity.projectId, identity.name, vmId);
  }
}

function keyOf(projectId: ProjectId, name: string): string {
  return `${projectId}/${name}`;
}
