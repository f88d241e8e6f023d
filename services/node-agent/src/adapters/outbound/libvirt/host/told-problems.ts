import { Fault } from '@drover/contracts';
import { LibvirtError } from '@drover/libvirt-rpc';

/** Longest list of problems and longest of them, as the inventory has room for. */
const MAX_PROBLEMS = 50;
const MAX_LENGTH = 300;

/** Collects what cannot be read, so that one odd thing takes none of the others out. */
export class ToldProblems {
  readonly #told: string[] = [];

  get told(): readonly string[] {
    return [...this.#told].sort().slice(0, MAX_PROBLEMS);
  }

  tell(problem: string): void {
    this.#told.push(problem.slice(0, MAX_LENGTH));
  }

  /** The value, or undefined with a word why. That libvirt itself cannot be reached is no odd thing, and passes through. */
  async orTell<Value>(what: string, read: () => Promise<Value>): Promise<Value | undefined> {
    try {
      return await read();
    } catch (error) {
      if (error instanceof LibvirtError && error.origin === 'client') throw error;
      if (error instanceof Fault && error.code === 'HYPERVISOR_UNAVAILABLE') throw error;
      this.tell(`${what}: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    }
  }

  /** As many as a list has room for. */
  upTo<Item>(most: number, what: string, items: readonly Item[]): Item[] {
    if (items.length > most) this.tell(`${what}: ${items.length - most} of ${items.length} left out`);
    return items.slice(0, most);
  }
}
