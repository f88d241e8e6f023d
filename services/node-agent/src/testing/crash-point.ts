import type { Hypervisor } from '@drover/hypervisor';
import type { HostJournal, Journal } from '../application/ports/journal.port.js';

/**
 * Kills an agent at its n-th effect: a call to its hypervisor or a write to its journal, right before or right after it
 * takes effect. From then on nothing the agent does has any effect, as after kill -9.
 */
export class CrashPoint {
  /** Settles when the point is reached. */
  readonly reached: Promise<void>;
  readonly #at: number;
  readonly #isAfter: boolean;
  readonly #reach: () => void;
  readonly #frozen: (() => void)[] = [];
  #effects = 0;
  isDead = false;

  /** @param at 1 for the first effect. */
  constructor(at: number, when: 'before' | 'after') {
    this.#at = at;
    this.#isAfter = when === 'after';
    const reached = Promise.withResolvers<void>();
    this.reached = reached.promise;
    this.#reach = reached.resolve;
  }

  hypervisor(driver: Hypervisor): Hypervisor {
    return new Proxy(driver, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== 'function') return member;
        const call = (...values: unknown[]): unknown => Reflect.apply(member, target, values);
        // Opening and closing change nothing on the host.
        return name === 'open' || name === 'close'
          ? call
          : (...values: unknown[]) => this.#effect(() => call(...values));
      },
    });
  }

  journal(journal: Journal): Journal {
    return {
      open: async (hostId): Promise<HostJournal> => {
        const opened = await journal.open(hostId);
        return {
          content: opened.content,
          write: (changes) => this.#effect(() => opened.write(changes)) as Promise<void>,
        };
      },
      close: () => journal.close(),
    };
  }

  /** Lets the dead agent's promises fail, so that it can be put away. */
  bury(): void {
    this.isDead = true;
    for (const fail of this.#frozen.splice(0)) fail();
  }

  async #effect(effect: () => unknown): Promise<unknown> {
    this.#effects += 1;
    const isHere = this.#effects === this.#at;
    if (isHere && !this.#isAfter) this.#die();
    if (this.isDead) return this.#freeze();
    const value = await effect();
    if (isHere) this.#die();
    return this.isDead ? this.#freeze() : value;
  }

  #die(): void {
    this.isDead = true;
    this.#reach();
  }

  #freeze(): Promise<never> {
    return new Promise((_, reject) => this.#frozen.push(() => reject(new Error('the agent is dead'))));
  }
}
