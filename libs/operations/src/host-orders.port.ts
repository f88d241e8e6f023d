import type { HostId, HostLook, HostLower, HostOrder, HostOrderAnswer } from '@drover/contracts';

/** What a message follows from; for logs and traces, and the same in each repeat. */
export interface MessageTrace {
  readonly operationId: string;
  /** Id of the causing event. */
  readonly causationId: string;
  readonly traceparent?: string | undefined;
  /** Aborted when nothing waits for the answer any more. */
  readonly signal: AbortSignal;
}

/**
 * Sends one copy of an order to a host and waits a few seconds for its answer. Repeats are the caller's; the host recognises
 * them by the order id. A `Fault` with `not-applied` means that no copy is on its way.
 */
export interface HostOrders {
  send(hostId: HostId, order: HostOrder, trace: MessageTrace): Promise<HostOrderAnswer>;
  /** Asks what the host has of a thing. `taken`: its report is under way in the lane. Repeats are the caller's, and harmless. */
  look(hostId: HostId, look: HostLook, trace: MessageTrace): Promise<HostOrderAnswer>;
  /** Lowers the newest order that the host's journal holds of a thing. `superseded`: it is another one than was named. */
  lower(hostId: HostId, lower: HostLower, trace: MessageTrace): Promise<HostOrderAnswer>;
}
