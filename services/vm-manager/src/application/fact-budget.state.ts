import type { HostId, VmId } from '@drover/contracts';
import { KeyedBudget, type Clock } from '@drover/domain-kit';
import type { Log } from '@drover/operations';
import type { OverBudget } from './over-budget.state.js';

/** Far more than a VM that crashes and comes back again and again has facts. */
const OF_A_VM = { burst: 60, perSecond: 1 / 30 };
/** All strays of a host that can be recorded at once, and their end. */
const OF_STRAYS = { burst: 200, perSecond: 200 / 3_600 };
/** As many VMs as a host may have can all stop and start again at once. */
const OF_A_HOST = { burst: 20_000, perSecond: 1 };

/** A VM, or all that the host has of VMs that are not there. */
type About = VmId | 'strays';

/**
 * How many facts that no order asked for a host's word may leave: they stand for ever, and every service reads them at every start.
 * What is over the budget is not recorded: the host's full lists tell each minute what is so, and that is recorded when there is credit
 * again. Until then the VM is in doubt (`DoubtfulVms`).
 */
export class FactBudget {
  readonly #over: OverBudget;
  readonly #log: Log;
  readonly #hosts: KeyedBudget<HostId>;
  readonly #vms: KeyedBudget<`${HostId}/${About}`>;
  readonly #strays: KeyedBudget<`${HostId}/${About}`>;
  #refused = 0;

  constructor(clock: Clock, over: OverBudget, log: Log) {
    this.#over = over;
    this.#log = log;
    this.#hosts = new KeyedBudget(clock, OF_A_HOST);
    this.#vms = new KeyedBudget(clock, OF_A_VM);
    this.#strays = new KeyedBudget(clock, OF_STRAYS);
  }

  /** How many facts were not recorded since this process began. */
  get refused(): number {
    return this.#refused;
  }

  has(hostId: HostId, about: About): boolean {
    return this.#hosts.has(hostId) && this.#of(about).has(`${hostId}/${about}`);
  }

  /** Whether so many facts of a VM may be recorded: they are then spent, so that one list cannot spend for all its VMs at once. */
  take(hostId: HostId, vmId: VmId, facts: number): boolean {
    if (!this.has(hostId, vmId)) return false;
    this.spend(hostId, vmId, facts);
    return true;
  }

  /** What was taken and not recorded after all. */
  giveBack(hostId: HostId, vmId: VmId, facts: number): void {
    this.#hosts.giveBack(hostId, facts);
    this.#vms.giveBack(`${hostId}/${vmId}`, facts);
  }

  spend(hostId: HostId, about: About, facts: number): void {
    this.#hosts.spend(hostId, facts);
    this.#of(about).spend(`${hostId}/${about}`, facts);
  }

  refuse(hostId: HostId, about: About, facts: number): void {
    this.#refused += facts;
    if (!this.#over.add(hostId, 'facts')) return;
    if (about === 'strays')
      this.#log.warn('a host lists strays that come and go more often than is recorded', { hostId });
    else
      this.#log.warn('a host reports more changes than are recorded; its full lists tell what is so', {
        hostId,
        vmId: about,
      });
  }

  #of(about: About) {
    return about === 'strays' ? this.#strays : this.#vms;
  }
}
