import { failureOf, type ErrorCode, type Fault, type Rejected, type VmId } from '@drover/contracts';
import type { HypervisorCall } from '../hypervisor.port.js';

export interface FaultRule {
  readonly call: HypervisorCall | '*';
  /** Absent: any VM. */
  readonly vmId?: VmId;
  readonly code: ErrorCode;
  /** The call takes effect all the same, and its caller is told that the outcome is unknown. */
  readonly takesEffect?: boolean;
  /** How often, in all. Absent: for ever. */
  readonly times?: number;
  /** Chance of each call, 0 to 1, by the seed. Absent: every call. */
  readonly probability?: number;
}

export interface HeldCall {
  /** Settles when a call has come in and waits. */
  readonly reached: Promise<void>;
  /** Lets it, and all after it, go on. */
  release(): void;
}

interface Hold {
  readonly call: HypervisorCall;
  readonly vmId: VmId | undefined;
  readonly reach: () => void;
  readonly released: Promise<void>;
}

/** What goes wrong on a simulated host, by configuration. Random ones are the same in each run with the same seed. */
export class SimulatedFaults {
  readonly #rules: { rule: FaultRule; left: number }[] = [];
  readonly #holds = new Set<Hold>();
  #random: number;

  constructor(rules: readonly FaultRule[] = [], seed = 1) {
    this.#random = seed >>> 0;
    for (const rule of rules) this.add(rule);
  }

  /** Whether any call could meet a rule or a hold: where none could, a call costs nothing more. */
  get areNone(): boolean {
    return this.#rules.length === 0 && this.#holds.size === 0;
  }

  add(rule: FaultRule): void {
    this.#rules.push({ rule, left: rule.times ?? Infinity });
  }

  clear(): void {
    this.#rules.length = 0;
  }

  /** The next call of this kind waits until it is released. */
  hold(call: HypervisorCall, vmId?: VmId): HeldCall {
    const reached = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    const hold: Hold = { call, vmId, reach: () => reached.resolve(), released: released.promise };
    this.#holds.add(hold);
    return {
      reached: reached.promise,
      release: () => {
        this.#holds.delete(hold);
        released.resolve();
      },
    };
  }

  holdFor(call: HypervisorCall, vmId: VmId | undefined): Promise<void> | undefined {
    for (const hold of this.#holds) {
      if (hold.call !== call || (hold.vmId !== undefined && hold.vmId !== vmId)) continue;
      hold.reach();
      return hold.released;
    }
    return undefined;
  }

  /** How this call fails, and whether the call takes effect before it. */
  meet(call: HypervisorCall, vmId: VmId | undefined): { failure: Fault | Rejected; takesEffect: boolean } | undefined {
    for (const entry of this.#rules) {
      const { rule } = entry;
      if (rule.call !== '*' && rule.call !== call) continue;
      if (rule.vmId !== undefined && rule.vmId !== vmId) continue;
      if (rule.probability !== undefined && this.#next() >= rule.probability) continue;
      entry.left -= 1;
      if (entry.left <= 0) this.#rules.splice(this.#rules.indexOf(entry), 1);
      const takesEffect = rule.takesEffect ?? false;
      const detail = `${call} was made to fail`;
      const failure = failureOf({ code: rule.code, outcome: takesEffect ? 'unknown' : 'not-applied', detail });
      return { failure, takesEffect };
    }
    return undefined;
  }

  /** mulberry32: small, seeded, and the same on every machine. */
  #next(): number {
    this.#random = (this.#random + 0x6d2b79f5) >>> 0;
    let t = this.#random;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }
}
