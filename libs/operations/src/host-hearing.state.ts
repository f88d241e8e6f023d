import type { HostId } from '@drover/contracts';
import type { Clock } from '@drover/domain-kit';

/** How long one settled message of a host stands for: two full lists and a half, of which it sends one a minute. */
export const HEARD_MS = 150_000;

interface Hearing {
  /** How long it was heard before `fromMs`. */
  readonly beforeMs: number;
  /** By the monotonic clock: it is heard from here on, until here. */
  readonly fromMs: number;
  readonly untilMs: number;
}

/**
 * Which hosts can be heard, and for how long they could be in this term.
 *
 * A host is heard when a message of its lane of reports has been settled: what it reported up to then is known, which needs its agent, the
 * messages between, this process and the store. It is heard no more when nothing came for a while, and at once when it is suspected.
 */
export class HostHearing {
  readonly #clock: Clock;
  #isOn = false;
  readonly #listeners: ((hostId: HostId) => void)[] = [];
  readonly #hosts = new Map<HostId, Hearing>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Called when a host is heard that was not before. */
  onHeard(listener: (hostId: HostId) => void): void {
    this.#listeners.push(listener);
  }

  /** A new term has heard no host yet. */
  begin(): void {
    this.#isOn = true;
    this.#hosts.clear();
  }

  /** Until the next term nothing is listened to. */
  end(): void {
    this.#isOn = false;
  }

  /** Everything is settled that the host has sent up to now. */
  heard(hostId: HostId): void {
    if (!this.#isOn) return;
    const nowMs = this.#clock.monotonicMs();
    const hearing = this.#hosts.get(hostId);
    const isHeard = hearing !== undefined && nowMs < hearing.untilMs;
    const untilMs = nowMs + HEARD_MS;
    this.#hosts.set(
      hostId,
      isHeard ? { ...hearing, untilMs } : { beforeMs: this.heardMs(hostId), fromMs: nowMs, untilMs },
    );
    if (!isHeard) for (const listener of this.#listeners) listener(hostId);
  }

  /** It is suspected: only its next message counts again. */
  silent(hostId: HostId): void {
    const hearing = this.#hosts.get(hostId);
    const nowMs = this.#clock.monotonicMs();
    if (hearing !== undefined && nowMs < hearing.untilMs) this.#hosts.set(hostId, { ...hearing, untilMs: nowMs });
  }

  isHeard(hostId: HostId): boolean {
    const hearing = this.#hosts.get(hostId);
    return hearing !== undefined && this.#clock.monotonicMs() < hearing.untilMs;
  }

  /** For how long it could be heard in this term, gaps left out. */
  heardMs(hostId: HostId): number {
    const hearing = this.#hosts.get(hostId);
    if (hearing === undefined) return 0;
    return hearing.beforeMs + Math.min(this.#clock.monotonicMs(), hearing.untilMs) - hearing.fromMs;
  }

  /** For how long it has not been heard; undefined where it was not heard in this term at all. */
  unheardMs(hostId: HostId): number | undefined {
    const hearing = this.#hosts.get(hostId);
    return hearing === undefined ? undefined : Math.max(0, this.#clock.monotonicMs() - hearing.untilMs);
  }
}
