import type { HostCommand, HostCommandAnswer, HostId, VmLook, VmLower } from '@drover/contracts';
import type { MessageTrace } from './scheduler.port.js';

/**
 * Sends one copy of a command to a host and waits a few seconds for its answer. Repeats are the caller's; the host recognises
 * them by the command id. A `Fault` with `not-applied` means that no copy is on its way.
 */
export interface HostCommands {
  send(hostId: HostId, command: HostCommand, trace: MessageTrace): Promise<HostCommandAnswer>;
  /** Asks what the host has of a VM. `taken`: its report is under way in the VM lane. Repeats are the caller's, and harmless. */
  look(hostId: HostId, look: VmLook, trace: MessageTrace): Promise<HostCommandAnswer>;
  /** Lowers the newest order that the host's journal holds of a VM. `superseded`: it is another one than was named. */
  lower(hostId: HostId, lower: VmLower, trace: MessageTrace): Promise<HostCommandAnswer>;
}
