import { vmIdSchema, type PowerState, type VmId } from '@drover/contracts';
import { errorCodes, xmlFlags, type LibvirtClient } from '@drover/libvirt-rpc';
import { domainName, readDomain, type DomainDescription } from '@drover/libvirt-xml';
import { powerStateOf } from './domain-states.js';
import { attempt, orUndefined } from './libvirt-faults.js';

/** `virDomainControlState`. */
const CONTROL_OCCUPIED = 2;
const CONTROL_ERROR = 3;
/** A monitor that has held one command for this long belongs to a QEMU that hangs. */
const HUNG_AFTER_MS = 5000;

/** Looks at domains, by libvirt's own books alone: no QEMU is asked, so that a hung one delays nobody. */
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

  async isActive(vmId: VmId): Promise<boolean> {
    const { active } = await attempt('look at the domain', () =>
      this.#client.call('DOMAIN_IS_ACTIVE', { dom: domainRef(vmId) }),
    );
    return active === 1;
  }

  async powerState(uuid: string): Promise<PowerState> {
    return attempt('look at the state', async () => {
      const reply = await orUndefined(
        this.#client.call('DOMAIN_GET_STATE', { dom: domainRef(uuid), flags: 0 }),
        errorCodes.NO_DOMAIN,
      );
      if (reply === undefined) return 'ABSENT';
      const state = powerStateOf(reply.state);
      if (state !== 'RUNNING' && state !== 'PAUSED') return state;
      const control = await orUndefined(
        this.#client.call('DOMAIN_GET_CONTROL_INFO', { dom: domainRef(uuid), flags: 0 }),
        errorCodes.NO_DOMAIN,
        errorCodes.OPERATION_INVALID,
      );
      // It stopped between the two questions.
      if (control === undefined) return 'STOPPED';
      const isHung =
        control.state === CONTROL_ERROR ||
        (control.state === CONTROL_OCCUPIED && Number(control.stateTime) > HUNG_AFTER_MS);
      return isHung ? 'UNRESPONSIVE' : state;
    });
  }
}

/** The daemon finds a domain by its UUID alone. */
export function domainRef(uuid: string): { readonly name: string; readonly uuid: string; readonly id: number } {
  const vmId = vmIdSchema.safeParse(uuid);
  return { name: vmId.success ? domainName(vmId.data) : '', uuid, id: -1 };
}
