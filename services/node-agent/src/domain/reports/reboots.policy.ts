import type { VmId } from '@drover/contracts';

/** Between two reports of one VM's reboots. */
export const REBOOTS_EVERY_MS = 60_000;

export interface CountedReboots {
  readonly vmId: VmId;
  readonly count: number;
}

/**
 * A guest that boots again and again is told as that: its first reboot at once, those of the minute after it together. Every
 * report is an event for ever, and a guest may reboot as often as it likes.
 */
export class Reboots {
  readonly #untold = new Map<VmId, { count: number; readonly toldAtMs: number }>();

  /** A reboot happened. How many are to be told now; undefined: they wait for `due`. */
  take(vmId: VmId, nowMs: number): number | undefined {
    const before = this.#untold.get(vmId);
    if (before !== undefined && nowMs - before.toldAtMs < REBOOTS_EVERY_MS) {
      before.count += 1;
      return undefined;
    }
    this.#untold.set(vmId, { count: 0, toldAtMs: nowMs });
    return (before?.count ?? 0) + 1;
  }

  /** What has waited for its minute. A VM that was quiet for it is forgotten. */
  due(nowMs: number): readonly CountedReboots[] {
    const over = [...this.#untold].filter(([, { toldAtMs }]) => nowMs - toldAtMs >= REBOOTS_EVERY_MS);
    for (const [vmId, { count }] of over) {
      if (count === 0) this.#untold.delete(vmId);
      else this.#untold.set(vmId, { count: 0, toldAtMs: nowMs });
    }
    return over.flatMap(([vmId, { count }]) => (count === 0 ? [] : [{ vmId, count }]));
  }
}
