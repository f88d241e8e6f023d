import { randomUUID } from 'node:crypto';
import {
  fleetIdSchema,
  heartbeatSchema,
  hostLaneMessageSchema,
  hostOrderAnswerSchema,
  hostReportSchema,
  vmLaneMessageSchema,
  vmReportSchema,
  vmSubject,
  writeOrderTable,
  type FleetId,
  type Heartbeat,
  type HostId,
  type HostLaneMessage,
  type HostOrder,
  type HostOrderAnswer,
  type HostReport,
  type HostRequest,
  type OrderFinished,
  type OrderRank,
  type Rejection,
  type SentOrder,
  type Signed,
  type VmId,
  type VmLaneMessage,
  type VmReport,
} from '@drover/contracts';
import { answered, createOrderKey, OrderSigner, parsePayload, rejected, type Messaging } from '@drover/messaging';

type Registration = Extract<HostLaneMessage, { readonly kind: 'register' }>;
type Opening = Extract<VmLaneMessage, { readonly kind: 'open' }>;

/**
 * ha-manager and vm-manager as one agent sees them: checks every message against its contract, keeps each report once by
 * its sequence, and refuses one that comes out of order.
 */
export class ControlPlaneDouble {
  readonly hostId: HostId;
  fleetId: FleetId = fleetIdSchema.parse(randomUUID());
  /** Signs what this control plane says, and is the one that the agent knows. */
  readonly key = createOrderKey();
  journalEpoch = 1;
  heartbeatIntervalMs = 60_000;
  readonly table = new Map<VmId, OrderRank>();
  readonly registrations: Registration[] = [];
  /** Boot nonces of agents that said that they ended. */
  readonly farewells: string[] = [];
  readonly vmReports: VmReport[] = [];
  readonly hostReports: HostReport[] = [];
  /** How often the VM lane was opened. */
  openings = 0;
  heartbeats = 0;
  lastHeartbeat: Heartbeat | undefined;
  /** Nothing is known of the host's inventory. */
  needsInventory = false;
  /** Answers to the next registrations, instead of acceptance. */
  readonly refusals: Rejection[] = [];
  /** Answers to the next openings of the VM lane, instead of the table. */
  readonly openingRefusals: Rejection[] = [];
  /** Signs tables instead of the key that the agent knows. */
  tableSigner: OrderSigner | undefined;
  /** Of tables, instead of that of the question. */
  tableNonce: string | undefined;
  /** The openings as they came. */
  readonly opened: Opening[] = [];
  /** Awaited before a registration or the opening of the VM lane is answered. */
  beforeAnswering: (to: 'register' | 'open') => Promise<void> | void = () => undefined;
  /** The next heartbeat is told to register again. */
  mustRegister = false;
  /** While set, VM reports are neither taken nor acknowledged. */
  isDeaf = false;
  /** The same for reports of the host lane. */
  isDeafToHost = false;
  /** Of every report of the host lane that came, heard or not. */
  readonly hostSequences: number[] = [];
  readonly #messaging: Messaging;
  readonly #lastSequence = { vm: 0, host: 0 };
  readonly #waiters = new Set<() => void>();

  constructor(messaging: Messaging, hostId: HostId) {
    this.#messaging = messaging;
    this.hostId = hostId;
    const { subjects } = messaging;
    messaging.respond(subjects.hostReport(hostId, 'host'), async (message) => {
      const parsed = parsePayload(hostLaneMessageSchema, message);
      switch (parsed.kind) {
        case 'register':
          await this.beforeAnswering('register');
          return this.#told(this.#register(parsed));
        case 'leaving':
          this.farewells.push(parsed.bootNonce);
          return this.#told(answered({ kind: 'left' }));
        case 'reports':
          return this.#told(this.#takeHostReports(parsed.reports));
      }
    });
    messaging.respond(subjects.hostReport(hostId, 'vm'), async (message) => {
      const parsed = parsePayload(vmLaneMessageSchema, message);
      if (parsed.kind === 'reports') return this.#told(this.#takeVmReports(parsed.reports));
      await this.beforeAnswering('open');
      this.openings += 1;
      this.opened.push(parsed);
      const refusal = this.openingRefusals.shift();
      if (refusal !== undefined) return this.#told(rejected(refusal));
      const entries = [...this.table].map(([vmId, rank]) => ({ subject: vmSubject(vmId), rank }));
      const table = writeOrderTable(this.tableNonce ?? parsed.nonce, entries);
      return this.#told(answered((this.tableSigner ?? this.signer).sign('table', hostId, table)));
    });
    messaging.respond(subjects.hostHeartbeat(hostId), (message) => {
      const heartbeat = parsePayload(heartbeatSchema, message);
      const { sequence } = heartbeat;
      this.lastHeartbeat = heartbeat;
      this.heartbeats += 1;
      const { mustRegister } = this;
      this.mustRegister = false;
      const nextIntervalMs = this.heartbeatIntervalMs;
      return this.#told(answered({ term: 1, sequence, membershipVersion: 1, nextIntervalMs, mustRegister }));
    });
  }

  get signer(): OrderSigner {
    return new OrderSigner(this.key.privateKey, this.fleetId);
  }

  /** As vm-manager sends it. */
  signed(order: HostRequest, journalEpoch = this.journalEpoch): Signed {
    return this.signer.sign('order', this.hostId, { journalEpoch, order } satisfies SentOrder);
  }

  /** Sends once. */
  async send(order: HostRequest): Promise<HostOrderAnswer> {
    const subject = this.#messaging.subjects.hostOrder(this.hostId);
    const answer = await this.#messaging.request(subject, this.signed(order), {
      ttlMs: 2_000,
      schema: hostOrderAnswerSchema,
    });
    if (answer.kind === 'rejected') throw new Error(`an order was rejected: ${answer.rejection.code}`);
    return answer.value;
  }

  /** Sends until it is answered otherwise than `table-needed`, as vm-manager does, and keeps the table true. */
  async order(order: HostOrder): Promise<HostOrderAnswer> {
    if (order.subject.kind === 'vm')
      this.table.set(order.subject.id, { generation: order.generation, revision: order.revision });
    for (;;) {
      const subject = this.#messaging.subjects.hostOrder(this.hostId);
      const answer = await this.#messaging.request(subject, this.signed(order), {
        ttlMs: 5_000,
        retry: 'until-ttl',
        schema: hostOrderAnswerSchema,
      });
      if (answer.kind === 'rejected') throw new Error(`an order was rejected: ${answer.rejection.code}`);
      if (answer.value.kind !== 'table-needed') return answer.value;
    }
  }

  finished(orderId: string): OrderFinished | undefined {
    return this.ends(orderId)[0];
  }

  ends(orderId: string): OrderFinished[] {
    return this.vmReports.filter(
      (report): report is OrderFinished => report.kind === 'order-finished' && report.orderId === orderId,
    );
  }

  async end(order: Pick<HostOrder, 'orderId'>): Promise<OrderFinished> {
    return this.when(() => this.finished(order.orderId), 'the end of an order');
  }

  /** Resolves with the first value that is not undefined; looks again at every message. */
  async when<T>(look: () => T | undefined, what = 'a state', timeoutMs = 5_000): Promise<T> {
    const untilMs = performance.now() + timeoutMs;
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      const leftMs = untilMs - performance.now();
      if (leftMs <= 0) throw new Error(`waited in vain for ${what}`);
      await this.#nextMessage(leftMs);
    }
  }

  #nextMessage(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#waiters.delete(done);
        resolve();
      };
      const timer = setTimeout(done, timeoutMs);
      this.#waiters.add(done);
    });
  }

  #told<T>(answer: T): T {
    for (const waiter of [...this.#waiters]) waiter();
    return answer;
  }

  #register(registration: Registration) {
    const before = this.registrations.at(-1)?.journalId;
    this.registrations.push(registration);
    const refusal = this.refusals.shift();
    if (refusal !== undefined) return rejected(refusal);
    if (this.needsInventory && registration.inventory === undefined) return answered({ kind: 'inventory-needed' });
    if (before !== undefined && before !== registration.journalId) {
      // A new journal counts from 1, under an epoch of its own.
      this.journalEpoch += 1;
      this.#lastSequence.vm = 0;
      this.#lastSequence.host = 0;
    }
    this.#lastSequence.host = Math.max(this.#lastSequence.host, registration.reportsThrough ?? 0);
    return answered({
      kind: 'registered',
      fleetId: this.fleetId,
      storeEpoch: 1,
      journalEpoch: this.journalEpoch,
      heartbeatIntervalMs: this.heartbeatIntervalMs,
      isCordoned: false,
    });
  }

  #takeHostReports(reports: readonly { readonly sequence: number; readonly report?: unknown }[]) {
    this.hostSequences.push(...reports.map(({ sequence }) => sequence));
    if (this.isDeafToHost) return answered({ kind: 'acknowledged', throughSequence: this.#lastSequence.host });
    for (const { sequence, report } of reports) {
      if (this.#isNew('host', sequence)) this.hostReports.push(hostReportSchema.parse(report));
    }
    return answered({ kind: 'acknowledged', throughSequence: this.#lastSequence.host });
  }

  #takeVmReports(reports: readonly { readonly sequence: number; readonly report?: unknown }[]) {
    if (!this.isDeaf) {
      for (const { sequence, report } of reports) {
        if (this.#isNew('vm', sequence)) this.vmReports.push(vmReportSchema.parse(report));
      }
    }
    return answered({ kind: 'acknowledged', throughSequence: this.#lastSequence.vm });
  }

  #isNew(lane: 'vm' | 'host', sequence: number): boolean {
    if (sequence <= this.#lastSequence[lane]) return false;
    if (sequence !== this.#lastSequence[lane] + 1) {
      throw new Error(`report ${sequence} of lane ${lane} came after ${this.#lastSequence[lane]}`);
    }
    this.#lastSequence[lane] = sequence;
    return true;
  }
}
