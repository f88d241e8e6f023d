import { Rejected, errors, vcpuCount, type HostOffers, type VmSpec, type DataOfError } from '@drover/contracts';
import type { LibvirtClient } from '@drover/libvirt-rpc';
import {
  readDomainCapabilities,
  readHostCapabilities,
  type DomainCapabilities,
  type HostCapabilities,
} from '@drover/libvirt-xml';
import { attempt } from '../libvirt-faults.js';

/** More need an IOMMU that remaps interrupts, which Drover's machines do not have. */
const MOST_VCPUS = 255;

/** What this host's libvirt and QEMU can give to a VM, asked anew at each inventory: both may be updated under the agent. */
export class HostOffersReader {
  readonly #client: LibvirtClient;
  readonly #accelerator: 'kvm' | 'tcg';
  #known: DomainCapabilities | undefined;

  constructor(client: LibvirtClient, accelerator: 'kvm' | 'tcg') {
    this.#client = client;
    this.#accelerator = accelerator;
  }

  hostCapabilities(): Promise<HostCapabilities> {
    return attempt('read the capabilities of the host', async () => {
      const { capabilities } = await this.#client.call('CONNECT_GET_CAPABILITIES', {});
      return readHostCapabilities(capabilities);
    });
  }

  async read({ machines }: Pick<HostCapabilities, 'machines'>): Promise<HostOffers> {
    const found = await this.#look();
    return {
      cpuModels: [...found.cpuModels],
      machines: [{ type: found.machine, maxVcpus: found.maxVcpus }, ...machines]
        .filter(({ type }, index, all) => all.findIndex((other) => other.type === type) === index)
        .map(({ type, maxVcpus }) => ({ type, maxVcpus: Math.min(maxVcpus, MOST_VCPUS) })),
      newMachine: found.machine,
      firmware: [...found.firmware],
      tpmVersions: [...found.tpmVersions],
    };
  }

  async hasPanicDevice(): Promise<boolean> {
    return (await this.#current()).hasPanicDevice;
  }

  /** Refuses what this host cannot give, before anything is made; libvirt would switch off features of a CPU without a word. */
  async require({ cpu }: Pick<VmSpec, 'cpu'>): Promise<void> {
    const { cpuModels, machine, maxVcpus } = await this.#current();
    const { model } = cpu;
    if (model !== undefined && !cpuModels.includes(model)) {
      const why =
        model === 'host-passthrough' && this.#accelerator === 'tcg'
          ? 'a processor that is emulated cannot be host-passthrough'
          : `this host cannot give the CPU model ${model} in full; it can give ${cpuModels.join(', ')}`;
      throw refusal(why, { field: '/spec/cpu/model', cpuModel: model });
    }
    const most = Math.min(maxVcpus, MOST_VCPUS);
    if (vcpuCount(cpu) <= most) return;
    throw refusal(`a VM of machine type ${machine} can have ${most} vCPUs here, not ${vcpuCount(cpu)}`, {
      field: '/spec/cpu',
      maxVcpus: most,
    });
  }

  async #current(): Promise<DomainCapabilities> {
    return this.#known ?? this.#look();
  }

  async #look(): Promise<DomainCapabilities> {
    return attempt('read what domains can have', async () => {
      const { capabilities } = await this.#client.call('CONNECT_GET_DOMAIN_CAPABILITIES', {
        emulatorbin: null,
        arch: 'x86_64',
        machine: 'q35',
        virttype: this.#accelerator === 'kvm' ? 'kvm' : 'qemu',
        flags: 0,
      });
      this.#known = readDomainCapabilities(capabilities);
      return this.#known;
    });
  }
}

function refusal(detail: string, data: DataOfError<'INVALID_DEFINITION'>): Rejected {
  return new Rejected(errors.INVALID_DEFINITION(detail.slice(0, 1000), { data }));
}
