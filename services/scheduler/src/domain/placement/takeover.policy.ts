import type { VmId } from '@drover/contracts';
import type { FleetState } from '@drover/fleet-model';

/** The moment at which this scheduler became the active one, having read the store to its tail. */
export interface Takeover {
  /** On this process's monotonic clock. */
  readonly atMs: number;
  /** VMs that had asked for a place by then and had none. */
  readonly awaitingThen: readonly VmId[];
}

export function takeOver(fleet: FleetState, atMs: number): Takeover {
  return { atMs, awaitingThen: [...fleet.awaitingPlacement.keys()] };
}

/**
 * Whether capacity may be given away yet (safety.md 19).
 *
 * The scheduler before this one may have held capacity that this one knows nothing of, for the longest a reservation is
 * held. But a reservation is only asked for after its VM's `VmRequested` is stored, and the one before answered nothing
 * after this one took the lease. So every reservation that is still held belongs to a VM that the store showed as
 * awaiting its place at the takeover. When there is none of these, as on a cold start of an idle fleet, or the last of
 * them has been placed (and counts) or ended, there is nothing to wait for.
 */
export function mayAnswer(takeover: Takeover, fleet: FleetState, longestReservationMs: number, nowMs: number): boolean {
  return (
    nowMs - takeover.atMs >= longestReservationMs ||
    !takeover.awaitingThen.some((vm) => fleet.awaitingPlacement.has(vm))
  );
}
