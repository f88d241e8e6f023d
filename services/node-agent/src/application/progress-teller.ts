import type { HostOrder, Progress } from '@drover/contracts';
import type { Clock } from '@drover/domain-kit';

export type TellProgress = (progress: Progress) => void;

/** Twice a second is as much as a person can read; a step that is over before costs no message at all. */
const INTERVAL_MS = 500;

/** Tells how far one long step is. */
export class ProgressTeller {
  readonly #operationId: Progress['operationId'];
  readonly #text: string;
  readonly #clock: Clock;
  readonly #tell: TellProgress;
  #toldAtMs: number;

  constructor(order: Pick<HostOrder, 'operationId'>, text: string, clock: Clock, tell: TellProgress) {
    this.#operationId = order.operationId;
    this.#text = text;
    this.#clock = clock;
    this.#tell = tell;
    this.#toldAtMs = clock.monotonicMs();
  }

  tell(percent: number): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#toldAtMs < INTERVAL_MS) return;
    this.#toldAtMs = nowMs;
    this.#tell({
      operationId: this.#operationId,
      percent: Math.min(100, Math.max(0, Math.floor(percent))),
      text: this.#text,
    });
  }
}
