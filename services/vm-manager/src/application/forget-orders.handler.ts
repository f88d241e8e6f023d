import {
  answered,
  compareOrderRanks,
  errors,
  vmSubject,
  type EventId,
  type Fault,
  type ForgetOrders,
  type HostOrderAnswer,
  type OrderRank,
} from '@drover/contracts';
import { derivedId, requestDigest, type Clock } from '@drover/domain-kit';
import { newestOrder } from '../domain/process/host-order.process.js';
import type { VmState } from '../domain/vm/vm.state.js';
import type { HostOrders } from '@drover/operations';
import type { CommandAnswer } from './vm-command.handler.js';
import { eventsOf } from './vm-events.policy.js';
import type { VmFolds } from './vm-folds.state.js';

export interface ForgetOrdersHandlerOptions {
  readonly folds: VmFolds;
  readonly hosts: Pick<HostOrders, 'lower'>;
  readonly clock: Clock;
  /** Whether this replica is the active one; asked right before the append. */
  readonly isActive: () => boolean;
}

/**
 * Lowers an order in a host's journal that vm-manager never gave, on an operator's word: it is first asked for, then named in an
 * event, then set to what the store says. An order that vm-manager may have given is left: a host that forgets it does it twice.
 */
export class ForgetOrdersHandler {
  readonly #options: ForgetOrdersHandlerOptions;

  constructor(options: ForgetOrdersHandlerOptions) {
    this.#options = options;
  }

  /** Throws a `Fault`; repeated it does the same. */
  async handle(message: ForgetOrders, traceparent?: string): Promise<CommandAnswer> {
    const { folds } = this.#options;
    const { vmId, hostId } = message;
    const state = await folds.load(vmId);
    if (state.phase === 'unknown') {
      return { kind: 'rejected', rejection: errors.VM_NOT_FOUND(`there is no VM ${vmId}`) };
    }
    const to = newestOrder(state, hostId);
    if (to === undefined) {
      const detail = `VM ${vmId} has been given to no host yet, so there is no order to lower to; try again when it has one`;
      return { kind: 'rejected', rejection: errors.HOST_WRONG_STATE(detail) };
    }
    const found = await this.#lower(message, to, to, traceparent);
    if (found.kind === 'superseded') {
      const from = found.newest;
      if (await this.#record(message, from, to, traceparent)) {
        const lowered = await this.#lower(message, from, to, traceparent);
        if (lowered.kind !== 'taken') throw notNow(message, lowered);
      }
    } else if (found.kind === 'unsettled') {
      if (isForeign(folds.get(vmId), found.newest)) throw notNow(message, found);
    } else if (found.kind !== 'taken') throw notNow(message, found);
    const { revision, position } = folds.get(vmId);
    return answered({ subjectId: vmId, revision, position });
  }

  #lower(message: ForgetOrders, from: OrderRank, to: OrderRank, traceparent: string | undefined) {
    const { vmId, hostId, commandId } = message;
    const trace = {
      operationId: derivedId(commandId, 'forget-orders'),
      causationId: commandId,
      signal: new AbortController().signal,
      traceparent,
    };
    return this.#options.hosts.lower(hostId, { kind: 'lower', subject: vmSubject(vmId), from, to }, trace);
  }

  /** Whether the order is one that vm-manager never gave; it is then named. */
  async #record(
    { actor, commandId, hostId, projectId, vmId }: ForgetOrders,
    from: OrderRank,
    to: OrderRank,
    traceparent: string | undefined,
  ): Promise<boolean> {
    const { clock, folds, isActive } = this.#options;
    const { result } = await folds.change(vmId, (state) => {
      if (!isActive()) throw errors.SERVICE_UNAVAILABLE('not-applied', 'this replica is not the active one');
      if (!isForeign(state, from)) return { events: [], result: false };
      const origin = {
        ...{ actor, causationId: commandId, atMs: clock.epochMs(), projectId, traceparent },
        requestDigest: requestDigest({ kind: 'forget-orders', hostId, projectId, vmId }),
      };
      const fact = { type: 'VmOrderLoweringRequested', data: { hostId, from, to } } as const;
      // A repeat of the command may find another order, and each that is lowered is named.
      const found = `${fact.type}/${from.generation.epoch}.${from.generation.n}/${from.revision}`;
      return { events: eventsOf([fact], origin, () => derivedId(commandId, found) as EventId), result: true };
    });
    return result;
  }
}

/** Whether the order is above all that vm-manager gave, which it numbers by revisions of the VM's stream. */
function isForeign({ generation, revision }: VmState, rank: OrderRank): boolean {
  return generation === undefined || compareOrderRanks(rank, { generation, revision }) > 0;
}

function notNow({ hostId, vmId }: ForgetOrders, { kind }: HostOrderAnswer): Fault {
  const detail = `host ${hostId} answered ${kind} when its newest order of VM ${vmId} was to be lowered`;
  return errors.SERVICE_UNAVAILABLE('not-applied', detail);
}
