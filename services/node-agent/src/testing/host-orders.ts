import {
  DEFAULT_PROJECT,
  operationIdSchema,
  orderIdSchema,
  vmIdSchema,
  vmSpecSchema,
  vmSubject,
  type VmOrder,
  type SettledDefinition,
  type VmId,
  type VmSpecInput,
  type VmSubject,
  type VmVerb,
  type vmVerbs,
} from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';

export interface OrderOverrides {
  readonly generation?: { readonly epoch: number; readonly n: number };
  readonly ttlMs?: number;
}

/** Verbs whose orders say nothing but which VM. */
export type PlainVerb = Exclude<
  { [Verb in VmVerb]: keyof (typeof vmVerbs)[Verb]['asked'] extends never ? Verb : never }[VmVerb],
  'start'
>;

/** Orders for one VM as vm-manager would send them: ids follow from VM, generation and revision. */
export class VmOrders {
  readonly vmId: VmId;
  readonly subject: VmSubject;
  readonly name: string;

  constructor(name: string) {
    this.name = name;
    this.vmId = vmIdSchema.parse(derivedId('vm', name));
    this.subject = vmSubject(this.vmId);
  }

  create(revision: number, options: { powerOn?: boolean; spec?: VmSpecInput } & OrderOverrides = {}): VmOrder {
    const { powerOn = true, spec } = options;
    return { ...this.#order(revision, options), ...this.#definition(spec), kind: 'create', powerOn };
  }

  start(revision: number, options: { spec?: VmSpecInput; settled?: SettledDefinition } & OrderOverrides = {}): VmOrder {
    const settled = options.settled === undefined ? {} : { settled: options.settled };
    return { ...this.#order(revision, options), ...this.#definition(options.spec), ...settled, kind: 'start' };
  }

  stop(revision: number, gracePeriodMs = 60_000, overrides: OrderOverrides = {}): VmOrder {
    return { ...this.#order(revision, overrides), kind: 'stop', mode: 'graceful', gracePeriodMs };
  }

  forceStop(revision: number, overrides: OrderOverrides = {}): VmOrder {
    return { ...this.#order(revision, overrides), kind: 'stop', mode: 'force', gracePeriodMs: 0 };
  }

  reboot(revision: number, gracePeriodMs = 60_000, overrides: OrderOverrides = {}): VmOrder {
    return { ...this.#order(revision, overrides), kind: 'reboot', gracePeriodMs };
  }

  plain(kind: PlainVerb, revision: number, overrides: OrderOverrides = {}): VmOrder {
    return { ...this.#order(revision, overrides), kind };
  }

  #definition(spec: VmSpecInput = { disks: [{ name: 'root', image: 'guest' }] }) {
    return { projectId: DEFAULT_PROJECT, name: this.name, spec: vmSpecSchema.parse(spec) };
  }

  #order(revision: number, { generation = { epoch: 1, n: 1 }, ttlMs = 60_000 }: OrderOverrides) {
    const label = `${generation.epoch}.${generation.n}.${revision}`;
    return {
      orderId: orderIdSchema.parse(derivedId(this.vmId, `order ${label}`)),
      operationId: operationIdSchema.parse(derivedId(this.vmId, `operation ${label}`)),
      subject: this.subject,
      generation,
      revision,
      ttlMs,
    };
  }
}
