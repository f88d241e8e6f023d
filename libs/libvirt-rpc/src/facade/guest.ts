import { paramValues } from '../xdr/typed-params.codec.js';
import type { ParamValues } from '../xdr/typed-params.codec.js';
import { agentTimeouts } from './flags.js';
import { domainOf } from './references.js';
import type { DomainKey, Rpc } from './references.js';

/** The guest agent and QEMU's monitor. */
export class Guest {
  readonly #rpc: Rpc;

  constructor(rpc: Rpc) {
    this.#rpc = rpc;
  }

  /**
   * Sends one command to the guest agent and resolves to its answer, both JSON texts.
   *
   * @param timeoutSeconds how long the daemon waits for the agent; or one of `agentTimeouts`.
   */
  async agentCommand(
    key: DomainKey,
    command: string,
    timeoutSeconds: number = agentTimeouts.default,
  ): Promise<string | null> {
    const args = { dom: domainOf(key), cmd: command, timeout: timeoutSeconds, flags: 0 };
    return (await this.#rpc.call('DOMAIN_AGENT_COMMAND', args)).result;
  }

  /** Speaks to QEMU behind libvirt's back, which taints the domain. @param flags of `monitorFlags`. */
  async monitorCommand(key: DomainKey, command: string, flags = 0): Promise<string> {
    return (await this.#rpc.call('DOMAIN_MONITOR_COMMAND', { dom: domainOf(key), cmd: command, flags })).result;
  }

  /** What the agent knows. @param types 1 users, 2 OS, 4 time zone, 8 host name, 16 file systems, 32 disks; 0 is all. */
  async info(key: DomainKey, types = 0): Promise<ParamValues> {
    return paramValues((await this.#rpc.call('DOMAIN_GET_GUEST_INFO', { dom: domainOf(key), types, flags: 0 })).params);
  }

  /** Resolves to the number of file systems frozen. @param mountpoints all if empty. */
  async freeze(key: DomainKey, mountpoints: readonly string[] = []): Promise<number> {
    return (await this.#rpc.call('DOMAIN_FSFREEZE', { dom: domainOf(key), mountpoints, flags: 0 })).filesystems;
  }

  async thaw(key: DomainKey, mountpoints: readonly string[] = []): Promise<number> {
    return (await this.#rpc.call('DOMAIN_FSTHAW', { dom: domainOf(key), mountpoints, flags: 0 })).filesystems;
  }

  async trim(key: DomainKey): Promise<void> {
    await this.#rpc.call('DOMAIN_FSTRIM', { dom: domainOf(key), mountPoint: null, minimum: 0, flags: 0 });
  }
}
