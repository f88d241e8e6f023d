import { errors, type PowerState, type VmId } from '@drover/contracts';
import { errorCodes, rebootFlags, shutdownFlags, type LibvirtClient } from '@drover/libvirt-rpc';
import { attempt, isLibvirtCode, isUnanswered } from '../libvirt-faults.js';
import { whyNotStarted } from '../storage/missing-volumes.adapter.js';
import { domainRef, type LibvirtDomains } from './libvirt-domains.adapter.js';
import type { OwnDomains } from './own-domains.adapter.js';
import type { UntrackedProcesses } from './untracked-processes.adapter.js';

/** A QEMU that lives answers at once when its guest is asked something; for the rest it may first have to finish I/O. */
const ASK_GUEST_MS = 5_000;
export const CHANGE_MS = 15_000;

export interface DomainPowerParts {
  readonly client: LibvirtClient;
  readonly domains: LibvirtDomains;
  readonly untracked: UntrackedProcesses;
  readonly own: OwnDomains;
}

/** Changes the power state of domains of this fleet. */
export class DomainPower {
  readonly #client: LibvirtClient;
  readonly #domains: LibvirtDomains;
  readonly #untracked: UntrackedProcesses;
  readonly #own: OwnDomains;

  constructor({ client, domains, untracked, own }: DomainPowerParts) {
    this.#client = client;
    this.#domains = domains;
    this.#untracked = untracked;
    this.#own = own;
  }

  async start(vmId: VmId): Promise<void> {
    await this.#own.requireTracked(vmId);
    const create = () => this.#client.call('DOMAIN_CREATE_WITH_FLAGS', { dom: domainRef(vmId), flags: 0 });
    await this.#act(vmId, 'start the VM', ['RUNNING', 'PAUSED'], create).catch(async (error: unknown) => {
      throw await whyNotStarted(error, await this.#domains.describe(vmId));
    });
  }

  async requestShutdown(vmId: VmId): Promise<void> {
    await this.#act(vmId, 'ask the guest to power off', ['STOPPED', 'CRASHED'], () =>
      this.#client.call(
        'DOMAIN_SHUTDOWN_FLAGS',
        { dom: domainRef(vmId), flags: shutdownFlags.acpi },
        { timeoutMs: ASK_GUEST_MS },
      ),
    );
  }

  async forceStop(vmId: VmId): Promise<void> {
    if (await this.#own.require(vmId)) {
      await this.#act(vmId, 'stop the VM', ['STOPPED', 'CRASHED'], () =>
        this.#client.call('DOMAIN_DESTROY_FLAGS', { dom: domainRef(vmId), flags: 0 }),
      );
    }
    await this.#untracked.end(vmId);
  }

  async requestReboot(vmId: VmId): Promise<void> {
    await this.#act(vmId, 'ask the guest to reboot', [], () =>
      this.#client.call(
        'DOMAIN_REBOOT',
        { dom: domainRef(vmId), flags: rebootFlags.acpi },
        { timeoutMs: ASK_GUEST_MS },
      ),
    );
  }

  async reset(vmId: VmId): Promise<void> {
    await this.#act(vmId, 'reset the VM', [], () =>
      this.#client.call('DOMAIN_RESET', { dom: domainRef(vmId), flags: 0 }, { timeoutMs: CHANGE_MS }),
    );
  }

  async pause(vmId: VmId): Promise<void> {
    await this.#act(vmId, 'pause the VM', ['PAUSED'], () =>
      this.#client.call('DOMAIN_SUSPEND', { dom: domainRef(vmId) }, { timeoutMs: CHANGE_MS }),
    );
  }

  async resume(vmId: VmId): Promise<void> {
    await this.#act(vmId, 'resume the VM', ['RUNNING'], () =>
      this.#client.call('DOMAIN_RESUME', { dom: domainRef(vmId) }, { timeoutMs: CHANGE_MS }),
    );
  }

  /** Calls; where libvirt says that the state does not allow it, being in one of `alreadySo` is success. */
  async #act(
    vmId: VmId,
    attempted: string,
    alreadySo: readonly PowerState[],
    call: () => Promise<unknown>,
  ): Promise<void> {
    await this.#own.require(vmId);
    await attempt(attempted, async () => {
      try {
        await call();
      } catch (error) {
        if (isUnanswered(error)) {
          throw errors.VM_UNRESPONSIVE('unknown', `${attempted}: its QEMU does not answer`, { cause: error });
        }
        if (!isLibvirtCode(error, errorCodes.OPERATION_INVALID)) throw error;
        if (!alreadySo.includes(await this.#domains.powerState(vmId))) throw error;
      }
    });
  }
}
