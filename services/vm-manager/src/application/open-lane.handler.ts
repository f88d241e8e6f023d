import {
  errors,
  MAX_VMS_OF_A_HOST,
  rejected,
  vmSubject,
  writeOrderTable,
  type Fault,
  type HostId,
  type NewestOf,
  type OrderTable,
  type Rejection,
  type Subject,
  type VmLaneMessage,
} from '@drover/contracts';
import { KeyedBudget, type Clock } from '@drover/domain-kit';
import type { Log } from '@drover/operations';
import { newestOrder } from '../domain/process/host-order.process.js';
import type { HostJournals } from './host-journals.state.js';
import { notActive } from './reported-facts.recorder.js';
import type { VmFolds } from './vm-folds.state.js';

/** Streams that are read because a host names VMs that are not its own. All of one message are, and the next waits for the debt. */
const READINGS = { burst: 100, perSecond: 10 };

/** A host asks again every few seconds. */
const LINES = { burst: 1, perSecond: 1 / 600 };

type Open = Extract<VmLaneMessage, { kind: 'open' }>;

export interface OpenLaneOptions {
  readonly folds: Pick<VmFolds, 'get' | 'load' | 'vmsOf'>;
  readonly journals: Pick<HostJournals, 'heardThrough'>;
  readonly clock: Clock;
  readonly isActive: () => boolean;
  readonly log: Pick<Log, 'error'>;
}

/** Answers a host that opens its lane: with the table of its VMs, unless its journal is an older copy. */
export class OpenLane {
  readonly #options: OpenLaneOptions;
  readonly #readings: KeyedBudget<HostId>;
  readonly #told: KeyedBudget<HostId>;

  constructor(options: OpenLaneOptions) {
    this.#options = options;
    this.#readings = new KeyedBudget(options.clock, READINGS);
    this.#told = new KeyedBudget(options.clock, LINES);
  }

  /** @param settledThrough the newest report of this epoch that was settled in this term. */
  async handle(
    { hostId, journalEpoch, lastSequence, nonce, underWay = [] }: Open,
    settledThrough: number,
  ): Promise<
    | { readonly kind: 'answered'; readonly value: OrderTable }
    | { readonly kind: 'rejected'; readonly rejection: Rejection }
  > {
    const { isActive, journals } = this.#options;
    // A process that stood still would give an old table.
    if (!isActive()) throw notActive();
    const heard = Math.max(settledThrough, journals.heardThrough(hostId, journalEpoch));
    if (lastSequence !== undefined && lastSequence < heard) {
      const detail = `report ${heard} was heard, and the journal goes to ${lastSequence}; begin a new journal and register it`;
      return rejected(errors.JOURNAL_OUTDATED(detail));
    }
    return { kind: 'answered', value: await this.#table(hostId, underWay, nonce) };
  }

  /** The host's VMs, and those that it still works on: what has gone since must not be made again. */
  async #table(hostId: HostId, underWay: readonly Subject[], nonce: string): Promise<OrderTable> {
    const { folds } = this.#options;
    // A host that has refused a VM needs no row of it: its journal knows the order by its id, and another journal does not take it (ADR 20).
    const vms = [...folds.vmsOf(hostId)].flatMap((vmId) => {
      const state = folds.get(vmId);
      const newest = state.hostId === hostId ? newestOrder(state, hostId) : undefined;
      return newest === undefined ? [] : [{ subject: vmSubject(vmId), rank: newest }];
    });
    const told = new Set(vms.map(({ subject }) => subject.id));
    const ordered = underWay.flatMap((subject) => (subject.kind === 'vm' ? [subject.id] : []));
    const asked = [...new Set(ordered)].filter((vmId) => !told.has(vmId));
    if (asked.length > 0 && !this.#readings.has(hostId)) {
      const detail = `host ${hostId} named many VMs that are not its own a short time before; it is answered when it asks later`;
      throw errors.SERVICE_UNAVAILABLE('not-applied', detail);
    }
    this.#readings.spend(hostId, asked.length);
    const gone: NewestOf[] = [];
    // One after the other: a host may name thousands, and the store is there for others, too.
    for (const vmId of asked) {
      const { generation, revision } = await folds.load(vmId);
      if (generation !== undefined) gone.push({ subject: vmSubject(vmId), rank: { generation, revision } });
    }
    const rows = [...vms, ...gone];
    // The agent could not read a longer one, and would take it for a forged one.
    if (rows.length > MAX_VMS_OF_A_HOST) throw this.#tooLong(hostId, rows.length);
    return writeOrderTable(nonce, rows);
  }

  #tooLong(hostId: HostId, rows: number): Fault {
    const detail = `the table of host ${hostId} has ${rows} rows and a message holds ${MAX_VMS_OF_A_HOST}; delete VMs of this host`;
    if (this.#told.take(hostId)) this.#options.log.error('a host has more VMs than its table holds', { hostId, rows });
    return errors.SERVICE_UNAVAILABLE('not-applied', detail);
  }
}
