import type { HostId, VmId } from '@drover/contracts';
import type { Clock } from '@drover/domain-kit';
import type { Passed } from '../domain/process/vm.process.js';
import type { VmState } from '../domain/vm/vm.state.js';
import { HostHearing } from './host-hearing.state.js';
import { OperationAges } from './operation-ages.state.js';

/** What has passed for each open operation: its age, and of that what its host was heard in this term. */
export class OperationTimes {
  readonly #clock: Clock;
  readonly #ages: OperationAges;
  readonly hosts: HostHearing;
  /** From when on, of its host's heard time, the VM's operation counts. */
  readonly #heardFrom = new Map<VmId, { readonly key: string; readonly ms: number }>();

  /** @param onHeard called when a host is heard that was not before. */
  constructor(clock: Clock, onHeard: (hostId: HostId) => void) {
    this.#clock = clock;
    this.#ages = new OperationAges(clock);
    this.hosts = new HostHearing(clock, onHeard);
  }

  changed(vmId: VmId, state: VmState): void {
    this.#ages.changed(vmId, state);
    if (state.operation === undefined) this.#heardFrom.delete(vmId);
  }

  /** A new term; this is the store's time, now that everything has been folded that it held. */
  begin(storeNowMs: number): void {
    this.#ages.level(storeNowMs);
    this.hosts.begin();
    this.#heardFrom.clear();
  }

  /** @param isSeen whether the open operation began in this term, so that its age counts up to when it had its host. */
  passed(vmId: VmId, { hostId, operation, generation }: VmState, isSeen: boolean): Passed {
    const ageMs = this.#ages.ageMs(vmId);
    if (hostId === undefined || operation === undefined) return { ageMs, heardMs: 0, isHeard: false };
    const heardMs = this.hosts.heardMs(hostId);
    const key = `${operation.operationId}/${generation?.epoch}.${generation?.n}`;
    let from = this.#heardFrom.get(vmId);
    if (from?.key !== key) this.#heardFrom.set(vmId, (from = { key, ms: heardMs - (isSeen ? ageMs : 0) }));
    const unheardMs = this.hosts.unheardMs(hostId);
    const isHeard = this.hosts.isHeard(hostId);
    const unheardSince = isHeard || unheardMs === undefined ? {} : { unheardSince: this.#timeAgo(unheardMs) };
    return { ageMs, heardMs: heardMs - from.ms, isHeard, ...unheardSince };
  }

  #timeAgo(ms: number): string {
    return new Date(this.#clock.epochMs() - ms).toISOString();
  }
}
