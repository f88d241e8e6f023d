import { vmIdSchema, type ListedDomain, type PowerState } from '@drover/contracts';
import { errorCodes, pausedReasons, xmlFlags, type LibvirtClient } from '@drover/libvirt-rpc';
import { domainName, readDomain, type DomainDescription } from '@drover/libvirt-xml';
import { causeOfShutoff, powerStateOf } from './domain-states.js';
import { attempt, orUndefined } from '../libvirt-faults.js';

/** `virDomainControlState`. */
const CONTROL_OCCUPIED = 2;
const CONTROL_ERROR = 3;
/** A monitor that has held one order for this long belongs to a QEMU that hangs. */
const HUNG_AFTER_MS = 5000;

export interface DomainState {
  readonly powerState: PowerState;
  /** Paused by QEMU itself, because a disk failed or had no room. */
  readonly isIoError: boolean;
  /** Of one that does not run. */
  readonly stopCause?: ListedDomain['stopCause'];
}

/** Looks at domains, by libvirt's own books alone: no QEMU is asked, so that a hung one delays no call. */
export class LibvirtDomains {
  readonly #client: LibvirtClient;

  constructor(client: LibvirtClient) {
    this.#client = client;
  }

  /** The persistent definition; of a transient domain, the running one. */
  async describe(uuid: string): Promise<DomainDescription | undefined> {
    return attempt('look at the domain', async () => {
      const reply = await orUndefined(
        this.#client.call('DOMAIN_GET_XML_DESC', { dom: domainRef(uuid), flags: xmlFlags.inactive }),
        errorCodes.NO_DOMAIN,
      );
      return reply === undefined ? undefined : readDomain(reply.xml);
    });
  }

  /** Whether libvirt knows a process of it. */
  async isActive(uuid: string): Promise<boolean> {
    const reply = await attempt('look at the domain', () =>
      orUndefined(this.#client.call('DOMAIN_IS_ACTIVE', { dom: domainRef(uuid) }), errorCodes.NO_DOMAIN),
    );
    return reply?.active === 1;
  }

  /** Sees to it that the domain does not start with its host; whether it would have. */
  async clearAutostart(uuid: string): Promise<boolean> {
    const dom = domainRef(uuid);
    return attempt('see to it that the domain does not start with its host', async () => {
      const { autostart } = await this.#client.call('DOMAIN_GET_AUTOSTART', { dom });
      if (autostart !== 1) return false;
      await this.#client.call('DOMAIN_SET_AUTOSTART', { dom, autostart: 0 });
      return true;
    });
  }

  async powerState(uuid: string): Promise<PowerState> {
    return (await this.state(uuid)).powerState;
  }

  async state(uuid: string): Promise<DomainState> {
    return attempt('look at the state', async () => {
      const reply = await orUndefined(
        this.#client.call('DOMAIN_GET_STATE', { dom: domainRef(uuid), flags: 0 }),
        errorCodes.NO_DOMAIN,
      );
      if (reply === undefined) return { powerState: 'ABSENT', isIoError: false };
      const powerState = powerStateOf(reply.state);
      if (powerState === 'STOPPED') return { powerState, isIoError: false, stopCause: causeOfShutoff(reply.reason) };
      if (powerState !== 'RUNNING' && powerState !== 'PAUSED') return { powerState, isIoError: false };
      const control = await orUndefined(
        this.#client.call('DOMAIN_GET_CONTROL_INFO', { dom: domainRef(uuid), flags: 0 }),
        errorCodes.NO_DOMAIN,
        errorCodes.OPERATION_INVALID,
      );
      // It stopped between the two questions.
      if (control === undefined) return { powerState: 'STOPPED', isIoError: false };
      const isHung =
        control.state === CONTROL_ERROR ||
        (control.state === CONTROL_OCCUPIED && Number(control.stateTime) > HUNG_AFTER_MS);
      const isIoError = powerState === 'PAUSED' && reply.reason === pausedReasons.ioError;
      return { powerState: isHung ? 'UNRESPONSIVE' : powerState, isIoError };
    });
  }
}

/** The daemon finds a domain by its UUID alone. */
export function domainRef(uuid: string): { readonly name: string; readonly uuid: string; readonly id: number } {
  const vmId = vmIdSchema.safeParse(uuid);
  return { name: vmId.success ? domainName(vmId.data) : '', uuid, id: -1 };
}
