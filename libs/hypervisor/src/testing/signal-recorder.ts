import type { VmId } from '@drover/contracts';
import type { HypervisorSignal } from '../hypervisor.port.js';

type VmChanged = Extract<HypervisorSignal, { kind: 'vm-changed' }>;

/** Keeps a driver's signals and hands each out once, so that a test waits for a state and not for a time. */
export class SignalRecorder {
  readonly #timeoutMs: number;
  readonly #signals: HypervisorSignal[] = [];
  #wake: (() => void) | undefined;

  constructor(timeoutMs = 5_000) {
    this.#timeoutMs = timeoutMs;
  }

  record(signal: HypervisorSignal): void {
    this.#signals.push(signal);
    this.#wake?.();
  }

  async next(isWanted: (signal: HypervisorSignal) => boolean): Promise<HypervisorSignal> {
    const deadline = performance.now() + this.#timeoutMs;
    for (;;) {
      const index = this.#signals.findIndex(isWanted);
      const [found] = index < 0 ? [] : this.#signals.splice(index, 1);
      if (found !== undefined) return found;
      await this.#woken(deadline - performance.now());
    }
  }

  async nextChange(vmId: VmId, change: VmChanged['change']): Promise<VmChanged> {
    const isWanted = (signal: HypervisorSignal): boolean =>
      signal.kind === 'vm-changed' && signal.vmId === vmId && signal.change === change;
    return (await this.next(isWanted)) as VmChanged;
  }

  #woken(timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`no such signal among ${JSON.stringify(this.#signals)}`)),
        timeoutMs,
      );
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
