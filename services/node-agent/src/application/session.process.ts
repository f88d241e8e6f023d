import { randomUUID } from 'node:crypto';
import {
  errorCatalogue,
  Fault,
  HOST_PROTOCOL_VERSION,
  readOrderTable,
  subjectKey,
  type FleetId,
  type HostId,
  type ErrorReport,
  type Registered,
  errors,
} from '@drover/contracts';
import type { Clock } from '@drover/domain-kit';
import { outageOf, type Logger } from '@drover/observability';
import { orderedSubjects } from '../domain/journal/journal.state.js';
import { raise } from '../domain/taking/take-order.decider.js';
import { HostIdContention } from './host-id-contention.js';
import type { InventoryReconciler, TakenInventory } from './inventory.reconciler.js';
import type { JournalBook } from './journal-book.js';
import type { ControlPlane } from './ports/control-plane.port.js';
import { doubling, pause } from './stopping.js';

/** Why this agent stays out until a person has looked. */
export class AgentDismissed extends Error {
  override readonly name = 'AgentDismissed';
  readonly rejection: ErrorReport;

  constructor(rejection: ErrorReport) {
    super(`${rejection.code}: ${errorCatalogue[rejection.code].sentence} (${rejection.detail})`);
    this.rejection = rejection;
  }
}

export interface SessionOptions {
  readonly hostId: HostId;
  readonly bootNonce: string;
  readonly hostBootId: string;
  readonly agentVersion: string;
  readonly controlPlane: ControlPlane;
  readonly inventory: InventoryReconciler;
  readonly book: JournalBook;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly stop: AbortSignal;
  readonly retryMs: number;
  readonly hostIdPatienceMs: number;
  /** Registered with ha-manager, before the VM lane is open. */
  readonly onRegistered: (registered: Registered) => Promise<void>;
  /** The table has been written down: orders may be taken and reports sent. */
  readonly onOpen: (journalEpoch: number) => void;
  readonly onSuspended: () => void;
}

/** vm-manager reads a registration within milliseconds, or seconds where thousands register at once. */
export const QUIET_MS = 30_000;

/** What agent and control plane can do in addition to the protocol's version. */
const CAPABILITIES = ['vm.lifecycle'];

/**
 * Registers, opens the VM lane, and does both again whenever one of them may have been forgotten: after each reconnect,
 * and when a heartbeat or a report is told so. In between, no order is taken.
 */
export class Session {
  readonly #options: SessionOptions;
  #isOpen = false;
  #round = newRound();

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /**
   * Takes no order any more until the table has come again.
   *
   * @param afterMs to let pass before that is asked for.
   */
  reopen(afterMs = 0): void {
    this.#isOpen = false;
    this.#options.onSuspended();
    this.#round.waitMs = afterMs;
    this.#endRound();
  }

  #endRound(): void {
    this.#round.isDue = true;
    this.#round.ended.resolve();
  }

  /** Ends by throwing `AgentStopped` or `AgentDismissed`. */
  async run(): Promise<never> {
    const { book, onOpen, onRegistered, stop } = this.#options;
    stop.addEventListener('abort', () => this.#endRound(), { once: true });
    for (;;) {
      const round = newRound();
      this.#round = round;
      const { registered, reportsThrough } = await this.#register();
      const { fleetId, journalEpoch } = registered;
      await book.insist([
        { kind: 'registered', fleetId, journalEpoch },
        // The registration told what is newer than they are.
        ...(reportsThrough === undefined
          ? []
          : [{ kind: 'acknowledged', lane: 'host', throughSequence: reportsThrough } as const]),
      ]);
      await onRegistered(registered);
      const isRaised = await this.#raise(journalEpoch, round);
      if (isRaised && !round.isDue) {
        this.#isOpen = true;
        onOpen(journalEpoch);
        await round.ended.promise;
      }
      await pause(round.waitMs, stop);
    }
  }

  async #register(): Promise<{ readonly registered: Registered; readonly reportsThrough?: number | undefined }> {
    const {
      agentVersion,
      book,
      bootNonce,
      clock,
      controlPlane,
      hostBootId,
      hostId,
      hostIdPatienceMs,
      inventory,
      logger,
      stop,
    } = this.#options;
    const contention = new HostIdContention(hostIdPatienceMs);
    let isInventoryNeeded = false;
    const outage = outageOf(logger, 'registration');
    const nextWaitMs = doubling(this.#options.retryMs);
    for (;;) {
      try {
        const known = book.content.fleetId;
        const taken = await inventory.take();
        const answer = await controlPlane.register({
          kind: 'register',
          hostId,
          ...told(taken, isInventoryNeeded || known === undefined),
          lastSequence: book.content.lanes.host.lastSequence,
          journalId: book.content.journalId,
          bootNonce,
          hostBootId,
          agentVersion,
          protocolVersion: HOST_PROTOCOL_VERSION,
          capabilities: CAPABILITIES,
          ...(known === undefined ? {} : { fleetId: known }),
        });
        if (answer.kind === 'answered') {
          const { value } = answer;
          if (value.kind === 'registered') {
            outage.ended();
            const { journalEpoch = value.journalEpoch } = book.content;
            if (journalEpoch >= value.journalEpoch)
              return { registered: sameFleet(known, value), reportsThrough: taken?.reportsThrough };
            // Another journal was this host's since: sent under the new epoch, what this one has to report would be news.
            await this.#renewJournal(`the journal is of epoch ${journalEpoch}, and ${value.journalEpoch} has begun`);
            continue;
          }
          isInventoryNeeded = true;
          if (taken !== undefined) continue;
          throw new Error(
            'this host is not known yet, and its hypervisor cannot be reached to tell what it is made of',
          );
        }
        outage.ended();
        const { rejection } = answer;
        if (rejection.code === 'JOURNAL_OUTDATED') {
          await this.#renewJournal(rejection.detail);
          continue;
        }
        if (rejection.code !== 'HOST_ID_IN_USE' || !contention.mayAskAgain(rejection, clock.monotonicMs()))
          throw new AgentDismissed(rejection);
        logger.warn('another agent with this host id may still be alive; asking again', { hostId, rejection });
      } catch (error) {
        if (stop.aborted || error instanceof AgentDismissed) throw error;
        contention.unanswered();
        outage.failed(error);
      }
      await pause(Math.min(nextWaitMs(), 1_000), stop);
    }
  }

  async #renewJournal(detail: string): Promise<void> {
    const { book, logger } = this.#options;
    logger.warn('the journal is an older copy; going on with a new one', { detail });
    await book.insist([{ kind: 'renewed', journalId: randomUUID() }]);
  }

  /** Raises the journal to vm-manager's table. Returns false where a registration has to come first. */
  async #raise(journalEpoch: number, round: { readonly isDue: boolean }): Promise<boolean> {
    const { book, clock, controlPlane, hostId, logger, stop } = this.#options;
    const begunAtMs = clock.monotonicMs();
    const outage = outageOf(logger, 'VM lane');
    const nextWaitMs = doubling(this.#options.retryMs);
    for (;;) {
      try {
        const answer = await controlPlane.openVmLane({
          kind: 'open',
          hostId,
          journalEpoch,
          nonce: randomUUID(),
          lastSequence: book.content.lanes.vm.lastSequence,
          underWay: orderedSubjects(book.content).slice(0, 10_000),
        });
        if (answer.kind === 'answered') {
          const raised = readOrderTable(answer.value).filter(({ subject, rank }) => {
            const known = book.content.newest.get(subjectKey(subject));
            return raise(known, rank) !== known;
          });
          if (raised.length > 0) {
            await book.insist(raised.map((entry) => ({ kind: 'raised', ...entry }) as const));
          }
          outage.ended();
          return true;
        }
        if (answer.rejection.code === 'FLEET_MISMATCH') throw new AgentDismissed(answer.rejection);
        if (answer.rejection.code === 'JOURNAL_OUTDATED') {
          await this.#renewJournal(answer.rejection.detail);
          return false;
        }
        logger.warn('the VM lane was not opened; registering again', { rejection: answer.rejection });
        await pause(nextWaitMs(), stop);
        return false;
      } catch (error) {
        if (stop.aborted || error instanceof AgentDismissed) throw error;
        if (!isSoon(error, clock.monotonicMs() - begunAtMs)) outage.failed(error);
      }
      if (round.isDue) return false;
      await pause(Math.min(nextWaitMs(), 2_000), stop);
    }
  }
}

/** From a registration to the next: `isDue` once it has to begin again, `waitMs` after its end. */
function newRound() {
  return { isDue: false, waitMs: 0, ended: Promise.withResolvers<void>() };
}

/** What a registration says of the inventory: nothing while it cannot be taken; its digest is enough where it is known. */
function told(taken: TakenInventory | undefined, isWhole: boolean): Partial<TakenInventory> {
  if (taken === undefined) return {};
  return isWhole || taken.reportsThrough !== undefined ? taken : { inventoryDigest: taken.inventoryDigest };
}

/** The table comes as soon as vm-manager has read the registration, which is on its way: for a while that is nothing to tell. */
function isSoon(error: unknown, waitedMs: number): boolean {
  return error instanceof Fault && error.code === 'NOT_YET' && waitedMs < QUIET_MS;
}

function sameFleet(known: FleetId | undefined, registered: Registered): Registered {
  if (known === undefined || known === registered.fleetId) return registered;
  const detail = `this host belongs to fleet ${known}, and ${registered.fleetId} answered`;
  throw new AgentDismissed(errors.FLEET_MISMATCH(detail));
}
