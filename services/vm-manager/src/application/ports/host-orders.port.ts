import type { HostOrder, HostOrderAnswer, HostId, HostLook, HostLower } from '@drover/contracts';
import type { MessageTrace } from './scheduler.port.js';

/**
 * Sends one copy of an order to a host and waits a few seconds for its answer. Repeats are the caller's; the host recognises
 * them by the order id. A `Fault` with `not-applied` means that no copy is on its way.
 */
export interface HostOrders {
  send(hostId: HostId, order: HostOrder, trace: MessageTrace): Promise<HostOrderAnswer>;
  /** Asks what the host has of a VM. `taken`: its report is under way in the VM lane. Repeats are the caller's, and harmless. */
  look(hostId: HostId, look: HostLook, trace: MessageTrace): Promise<HostOrderAnswer>;
  /** Lowers the newest order that the host's journal holds of a VM. `superseded`: it is another one than was named. */
  lower(hostId: HostId, lower: HostLower, trace: MessageTrace): Promise<HostOrderAnswer>;
}
