import type { HostId, VmId } from '@drover/contracts';
import type { Clock } from '@drover/domain-kit';
import type { Passed } from '../domain/process/vm.process.js';
import type { OpenOperation, VmState } from '../domain/vm/vm.state.js';
import { HostHearing } from './host-hearing.state.js';
import { OperationAges } from './operation-ages.state.js';

/** What has passed for each open operation: its age, and of that what its host was heard in this term. */
export class OperationTimes {
  readonly #clock: Clock;
  readonly #ages: OperationAges;
  readonly hosts: HostHearing;
  /** From when on, of its host's heard time, the VM's operation counts. */
  readonly #heardFrom = new Map<VmId, { readonly key: string; readonly ms: number }>();

  /** What of an operation's age is left out, because the host that it had could not be heard then and has refused it since. */
  readonly #unheard = new Map<VmId, number>();
  #beganAtMs = 0;

  /** @param onHeard called when a host is heard that was not before. */
  constructor(clock: Clock, onHeard: (hostId: HostId) => void) {
    this.#clock = clock;
    this.#ages = new OperationAges(clock);
    this.hosts = new HostHearing(clock, onHeard);
  }

  changed(vmId: VmId, before: VmState, after: VmState): void {
    this.#ages.changed(vmId, after);
    if (after.operation?.operationId !== before.operation?.operationId) this.#unheard.delete(vmId);
    if (after.operation === undefined) this.#heardFrom.delete(vmId);
    else if (before.hostId !== undefined && after.hostId === undefined) {
      const from = this.#heardFrom.get(vmId);
      if (from === undefined) return;
      this.#unheard.set(vmId, this.#ages.ageMs(vmId) - (this.hosts.heardMs(before.hostId) - from.ms));
    }
  }

  /** A new term; this is the store's time, now that everything has been folded that it held. */
  begin(storeNowMs: number): void {
    this.#ages.level(storeNowMs);
    this.hosts.begin();
    this.#heardFrom.clear();
    this.#unheard.clear();
    this.#beganAtMs = this.#clock.monotonicMs();
  }

  /** @param isSeen whether the open operation began in this term, so that its age counts up to when it had its host. */
  passed(vmId: VmId, { hostId, operation, generation }: VmState, isSeen: boolean): Passed {
    const ageMs = this.#ages.ageMs(vmId);
    if (operation === undefined) return { ageMs, heardMs: 0, isHeard: false };
    const countedMs = this.#countedMs(vmId, operation, ageMs, isSeen);
    if (hostId === undefined) return { ageMs: countedMs, heardMs: 0, isHeard: false };
    const heardMs = this.hosts.heardMs(hostId);
    const key = `${operation.operationId}/${generation?.epoch}.${generation?.n}`;
    let from = this.#heardFrom.get(vmId);
    if (from?.key !== key) this.#heardFrom.set(vmId, (from = { key, ms: heardMs - (isSeen ? countedMs : 0) }));
    const unheardMs = this.hosts.unheardMs(hostId);
    const isHeard = this.hosts.isHeard(hostId);
    const unheardSince = isHeard || unheardMs === undefined ? {} : { unheardSince: this.#timeAgo(unheardMs) };
    return { ageMs, heardMs: heardMs - from.ms, isHeard, ...unheardSince };
  }

  /** How long a term before this could hear the hosts that have refused it is not known: then only this term counts. */
  #countedMs(vmId: VmId, { refusals }: OpenOperation, ageMs: number, isSeen: boolean): number {
    const unheardMs = this.#unheard.get(vmId);
    if (unheardMs !== undefined) return Math.max(0, ageMs - unheardMs);
    return isSeen || refusals === 0 ? ageMs : Math.min(ageMs, this.#clock.monotonicMs() - this.#beganAtMs);
  }

  #timeAgo(ms: number): string {
    return new Date(this.#clock.epochMs() - ms).toISOString();
  }
}
