import type { HostId, HostOrder, VmOrder } from '@drover/contracts';
import type { Cause } from './work.js';

/** An order as the stream tells it; its time to live is for the sender to say. */
export type PendingOrder<Order extends HostOrder = HostOrder> = OmitTtl<Order>;
type OmitTtl<Order> = Order extends unknown ? Omit<Order, 'ttlMs'> : never;

/** An order that one host has to be given. */
export interface Delivering<Order extends HostOrder = HostOrder> {
  readonly hostId: HostId;
  /** The event the order follows from. */
  readonly cause: Cause;
  readonly order: PendingOrder<Order>;
}

/** Something that is to be done now. `cause` is the event it follows from: the same effect again is the same effect. */
export interface AnyEffect {
  readonly kind: string;
  readonly cause: Cause;
  /** The host that it concerns, where several have to do the same. */
  readonly hostId?: HostId;
}

/** What can be done for a thing of any kind. */
export type CommonEffect<Fact> =
  | ({ readonly kind: 'send' } & Delivering)
  /** Ask the host what it has of the VM; its report settles the operation. */
  | ({ readonly kind: 'look' } & Delivering<VmOrder>)
  /** Append these; they end the operation, begin its undo or say why it waits. */
  | { readonly kind: 'record'; readonly cause: Cause; readonly facts: readonly Fact[] };

export interface Due<Effect extends AnyEffect> {
  /** At the same time, each on its own. */
  readonly effects: readonly Effect[];
  /** What is left of the operation's time: look again then at the latest. */
  readonly leftMs?: number;
}
