import type { PowerState } from '@drover/contracts';
import type { Clock } from '@drover/domain-kit';
import { isCausedBy } from '../domain/reports/own-signals.policy.js';
import type { OrderInFlight, VmSignal, VmWork } from './vm-work.js';

/** How long after an order's end the hypervisor may still be telling of it. */
const ECHO_MS = 5_000;

/**
 * Tells apart what the agent's own orders cause and what happens by itself. The end of an order reports the first, so
 * only the second becomes a report of its own.
 */
export class SignalDesk {
  readonly #work: VmWork;
  readonly #clock: Clock;
  readonly #report: (signal: VmSignal) => void;

  constructor(work: VmWork, clock: Clock, report: (signal: VmSignal) => void) {
    this.#work = work;
    this.#clock = clock;
    this.#report = report;
  }

  take(signal: VmSignal): void {
    this.#work.touched(signal.vmId);
    const flight = this.#work.inFlight.get(signal.vmId);
    if (flight === undefined) {
      if (!this.#isEcho(signal)) this.#report(signal);
      return;
    }
    if (flight.isEnding) flight.late.push(signal);
    else if (isCausedBy(flight.order.kind, signal.change)) flight.seen.add(signal.change);
    else flight.unexplained.push(signal);
    flight.wake();
  }

  /** To be called right after the order's end has its place in the lane, so that reports keep the order of events. */
  afterOrder(flight: OrderInFlight, powerState: PowerState): void {
    const { order, late, seen, unexplained } = flight;
    const untilMs = this.#clock.monotonicMs() + ECHO_MS;
    this.#work.echoes.set(order.subject.id, { kind: order.kind, seen, powerState, untilMs });
    if (powerState === 'ABSENT') this.#work.generations.delete(order.subject.id);
    else this.#work.generations.set(order.subject.id, order.generation);
    // What the end of the order has overtaken is history already.
    const last = unexplained.at(-1);
    if (last !== undefined && last.powerState === powerState) this.#report(last);
    for (const signal of late) this.take(signal);
  }

  #isEcho(signal: VmSignal): boolean {
    const echo = this.#work.echoes.get(signal.vmId);
    if (echo === undefined) return false;
    const isOwn =
      this.#clock.monotonicMs() < echo.untilMs &&
      signal.powerState === echo.powerState &&
      isCausedBy(echo.kind, signal.change) &&
      !echo.seen.has(signal.change);
    if (isOwn) this.#work.echoes.set(signal.vmId, { ...echo, seen: new Set([...echo.seen, signal.change]) });
    else this.#work.echoes.delete(signal.vmId);
    return isOwn;
  }
}
