import { createHash } from 'node:crypto';
import {
  Fault,
  type FleetId,
  type VmOrder,
  type PowerState,
  type VmId,
  errors,
  readImageRef,
  Rejected,
} from '@drover/contracts';
import { assertNever, type Clock } from '@drover/domain-kit';
import type { Hypervisor, OwnershipMark, VmDefinition } from '@drover/hypervisor';
import { isActive } from '../domain/capacity/capacity.policy.js';
import type { OrderFacts } from '../domain/orders/order.process.js';
import type { Step, UndoName } from '../domain/orders/order-steps.policy.js';
import type { Admission } from './admission.js';
import type { AgentTimings } from './agent-settings.js';
import type { HypervisorCalls } from './hypervisor-calls.js';
import type { JournalBook } from './journal-book.js';
import type { OwnVolumes } from './own-volumes.js';
import { ProgressTeller, type TellProgress } from './progress-teller.js';
import { within } from './stopping.js';
import type { OrderInFlight } from './vm-work.js';

export interface StepHandlerOptions {
  readonly hypervisor: Hypervisor;
  readonly calls: HypervisorCalls;
  readonly admission: Admission;
  readonly book: JournalBook;
  readonly volumes: OwnVolumes;
  readonly clock: Clock;
  readonly timings: AgentTimings;
  readonly stop: AbortSignal;
  readonly fleetId: () => FleetId;
  readonly tellProgress: TellProgress;
}

type Making = Extract<VmOrder, { readonly kind: 'create' | 'start' }>;

/** Carries out single steps and their undos. Each looks first: what is so already is not done again. */
export class StepHandler {
  readonly #options: StepHandlerOptions;

  constructor(options: StepHandlerOptions) {
    this.#options = options;
  }

  /** @param isSuperseded ends a wait for the guest. */
  async perform(
    flight: OrderInFlight,
    step: Step,
    facts: OrderFacts,
    isSuperseded: () => boolean,
  ): Promise<OrderFacts> {
    const { calls, hypervisor, volumes } = this.#options;
    const { order } = flight;
    const {
      subject: { id: vmId },
    } = order;
    switch (step.name) {
      case 'check-capacity':
        return this.#checkCapacity(making(order));
      case 'create-volumes': {
        const progress = new ProgressTeller(order, 'creating volumes', this.#options.clock, this.#options.tellProgress);
        const vm = definitionOf(making(order));
        await volumes.settleOwed(vmId);
        const book = volumes.bookOf(order);
        await calls.call(() => hypervisor.createVolumes(vm, book, (done) => progress.tell(done)));
        return {};
      }
      case 'define':
        return this.#define(making(order), facts);
      case 'start':
        return this.#start(vmId);
      case 'request-shutdown':
        return this.#ask(order, facts, () => calls.call(() => hypervisor.requestShutdown(vmId)));
      case 'await-stop': {
        const askAgain = () => this.#ask(order, facts, () => calls.call(() => hypervisor.requestShutdown(vmId)));
        const state = await this.#awaitGuest(
          flight,
          facts,
          isSuperseded,
          askAgain,
          (powerState) => !isActive(powerState),
        );
        return isActive(state) ? { wasForced: true } : {};
      }
      case 'force-stop':
        if (isActive(await this.#powerState(order))) await calls.end(() => hypervisor.forceStop(vmId));
        return {};
      case 'request-reboot':
        return this.#ask(order, facts, () => calls.once(() => hypervisor.requestReboot(vmId)));
      case 'await-reboot': {
        const hasRebooted = (): boolean => flight.seen.has('rebooted');
        const state = await this.#awaitGuest(
          flight,
          facts,
          isSuperseded,
          () => this.#ask(order, facts, () => calls.once(() => hypervisor.requestReboot(vmId))),
          (powerState) => hasRebooted() || flight.hasMissedSignals || !isActive(powerState),
        );
        if (isActive(state) && !hasRebooted() && flight.hasMissedSignals)
          throw errors.OUTCOME_UNKNOWN('unknown', 'the connection to the hypervisor was lost meanwhile');
        if (!isActive(state)) throw new Rejected(errors.VM_WRONG_STATE('The VM stopped instead of rebooting.'));
        return hasRebooted() ? { hasRebooted: true } : { wasForced: true };
      }
      case 'reset':
        if (facts.hasRebooted !== true) await calls.once(() => hypervisor.reset(vmId));
        return {};
      case 'pause':
        if ((await this.#powerState(order)) !== 'PAUSED') await calls.call(() => hypervisor.pause(vmId));
        return {};
      case 'resume':
        if ((await this.#powerState(order)) !== 'RUNNING') await calls.call(() => hypervisor.resume(vmId));
        return {};
      case 'mark':
        // After a stop as well, which must not wait behind calls that hang.
        if ((await this.#powerState(order)) !== 'ABSENT')
          await calls.end(() => hypervisor.mark(vmId, this.#mark(order)));
        return {};
      case 'undefine':
        await this.undo(order, 'undefine');
        return {};
      case 'delete-volumes':
        return { left: await volumes.deleteAllOf(vmId, order.kind === 'delete' ? order.volumes : undefined) };
      default:
        return assertNever(step.name);
    }
  }

  /** Resolves with what is left of the step's work and goes later by itself. */
  async undo(order: VmOrder, undo: UndoName): Promise<readonly string[]> {
    const { book, calls, hypervisor, volumes } = this.#options;
    const {
      subject: { id: vmId },
    } = order;
    switch (undo) {
      case 'force-stop':
        await calls.end(() => hypervisor.forceStop(vmId));
        return [];
      case 'undefine':
        await calls.call(() => hypervisor.undefine(vmId));
        await book.insist([{ kind: 'defined', vmId }]);
        return [];
      case 'delete-volumes':
        return volumes.deleteMadeBy(order);
      default:
        return assertNever(undo);
    }
  }

  /** Whether a look at the VM proves the step done. */
  async isDone(order: VmOrder, step: Step): Promise<boolean> {
    return step.goal !== undefined && step.goal.includes(await this.#powerState(order));
  }

  async #checkCapacity(order: Making): Promise<OrderFacts> {
    const demand = { vmId: order.subject.id, memoryMiB: order.spec.memory.sizeMiB };
    const rejection = await this.#options.calls.look(() => this.#options.admission.admit(demand));
    if (rejection !== undefined) throw new Rejected(rejection);
    return {};
  }

  /** A process that the daemon does not know is no start that was done: the hypervisor refuses one next to it. */
  async #start(vmId: VmId): Promise<OrderFacts> {
    const { calls, hypervisor } = this.#options;
    const { isUntracked, powerState } = await calls.look(() => hypervisor.observe(vmId));
    if (isUntracked === true || !isActive(powerState)) await calls.start(() => hypervisor.start(vmId));
    return {};
  }

  /** A start defines only where the definition is missing or was made from another spec: what a person edited stays. */
  async #define(order: Making, facts: OrderFacts): Promise<OrderFacts> {
    const { book, calls, hypervisor } = this.#options;
    const {
      subject: { id: vmId },
    } = order;
    const hash = createHash('sha256')
      .update(JSON.stringify([order.name, order.projectId, order.spec]))
      .digest('hex');
    if (order.kind === 'start' && book.content.definedFrom.get(vmId) === hash) {
      const { powerState } = await calls.look(() => hypervisor.observe(vmId));
      if (powerState !== 'ABSENT') {
        await this.#requireImages(order);
        await calls.call(() => hypervisor.mark(vmId, this.#mark(order)));
        return {};
      }
    }
    const settled = facts.definition ?? order.settled;
    const vm = { ...definitionOf(order), ...(settled === undefined ? {} : { settled }) };
    const definition = await calls.call(() => hypervisor.define(vm, this.#mark(order)));
    book.note([{ kind: 'defined', vmId, hash }]);
    return { definition };
  }

  /** The disks are overlays of images: on other bytes than they were made on, the guest would read garbage. */
  async #requireImages({ spec }: Making): Promise<void> {
    const { calls, hypervisor } = this.#options;
    for (const { image } of spec.disks) {
      const { digest, name } = readImageRef(image ?? '');
      if (digest === undefined) continue;
      const found = await calls.reading(() => hypervisor.inspectImage(name));
      if (found.digest === digest) continue;
      const detail = `image ${name} on the host is ${found.digest}, and the VM was made on ${digest}`;
      throw new Rejected(errors.IMAGE_CHANGED(detail, { data: { image: name } }));
    }
  }

  /** The guest of a hung process cannot be asked; its grace period runs all the same, and then force is used. */
  async #ask(order: VmOrder, facts: OrderFacts, request: () => Promise<void>): Promise<OrderFacts> {
    const askedAtEpochMs = facts.askedAtEpochMs ?? this.#options.clock.epochMs();
    try {
      if (isActive(await this.#powerState(order))) await request();
    } catch (error) {
      if (!(error instanceof Fault) || error.code !== 'VM_UNRESPONSIVE') throw error;
    }
    return { askedAtEpochMs };
  }

  /** A guest that is still booting hears nothing, so it is asked again now and then. */
  async #awaitGuest(
    flight: OrderInFlight,
    facts: OrderFacts,
    isSuperseded: () => boolean,
    askAgain: () => Promise<unknown>,
    isReached: (powerState: PowerState) => boolean,
  ): Promise<PowerState> {
    const { clock, stop, timings } = this.#options;
    const { order } = flight;
    const gracePeriodMs = 'gracePeriodMs' in order ? order.gracePeriodMs : 0;
    // Over a restart only the wall clock tells how much is over; should it have been set, the wait is never longer than
    // the whole grace period.
    const overMs = Math.max(0, clock.epochMs() - (facts.askedAtEpochMs ?? clock.epochMs()));
    const untilMs = clock.monotonicMs() + Math.max(0, gracePeriodMs - overMs);
    let askAtMs = clock.monotonicMs() + timings.askGuestAgainMs;
    const progress = new ProgressTeller(order, 'waiting for the guest', clock, this.#options.tellProgress);
    for (;;) {
      const woken = flight.nextWake();
      const powerState = await this.#powerState(order);
      const leftMs = untilMs - clock.monotonicMs();
      if (isReached(powerState) || isSuperseded() || leftMs <= 0) return powerState;
      if (clock.monotonicMs() >= askAtMs) {
        await askAgain();
        askAtMs = clock.monotonicMs() + timings.askGuestAgainMs;
      }
      progress.tell(Math.floor(100 - (leftMs * 100) / Math.max(1, gracePeriodMs)));
      await within(woken, Math.min(timings.guestPollMs, leftMs), stop);
    }
  }

  async #powerState(order: VmOrder): Promise<PowerState> {
    const { calls, hypervisor } = this.#options;
    return (await calls.look(() => hypervisor.observe(order.subject.id))).powerState;
  }

  #mark({ orderId, generation, subject: { id: vmId } }: VmOrder): OwnershipMark {
    return { fleetId: this.#options.fleetId(), vmId, generation, lastOrderId: orderId };
  }
}

function making(order: VmOrder): Making {
  if (order.kind === 'create' || order.kind === 'start') return order;
  throw new Error(`a ${order.kind} has no definition`);
}

function definitionOf({ subject: { id: vmId }, projectId, name, spec }: Making): VmDefinition {
  return { vmId, projectId, name, spec };
}
