import { errors, type SettledDefinition, type VmId } from '@drover/contracts';
import type { OwnershipMark, VmDefinition } from '@drover/hypervisor';
import { affects, errorCodes, metadataTypes, undefineFlags, type LibvirtClient } from '@drover/libvirt-rpc';
import {
  diskSerial,
  MARK_NAMESPACE,
  MARK_PREFIX,
  markElement,
  settledDefinition,
  volumeName,
  writeDomain,
  writeXml,
} from '@drover/libvirt-xml';
import type { HostOffersReader } from '../host/host-offers.adapter.js';
import { requireOfferedNetworks } from '../host/offered-networks.policy.js';
import { requireTrafficShaping } from '../host/traffic-shaping.adapter.js';
import { attempt, beforehand, orUndefined } from '../libvirt-faults.js';
import type { ImageStore } from '../storage/image-store.adapter.js';
import type { VolumeStore } from '../storage/volume-store.adapter.js';
import { domainRef, type LibvirtDomains } from './libvirt-domains.adapter.js';
import type { MacBook } from './mac-book.js';
import type { OwnDomains } from './own-domains.adapter.js';

/** What libvirt keeps with a definition goes with it. */
const UNDEFINE_ALL =
  undefineFlags.managedSave | undefineFlags.snapshotsMetadata | undefineFlags.nvram | undefineFlags.checkpointsMetadata;

export interface DomainDefinitionsParts {
  readonly client: LibvirtClient;
  readonly accelerator: 'kvm' | 'tcg';
  readonly networks: readonly string[];
  readonly nicFilter?: string;
  readonly domains: LibvirtDomains;
  readonly own: OwnDomains;
  readonly offers: HostOffersReader;
  readonly images: ImageStore;
  readonly volumes: VolumeStore;
  readonly macs: MacBook;
  /** Called before a domain of this fleet is there: its signals are told from others by it. */
  readonly onOwn: (vmId: VmId) => void;
}

/** Makes, marks and removes the definitions of domains of this fleet. */
export class DomainDefinitions {
  readonly #parts: DomainDefinitionsParts;
  readonly #client: LibvirtClient;
  readonly #domains: LibvirtDomains;
  readonly #own: OwnDomains;

  constructor(parts: DomainDefinitionsParts) {
    this.#parts = parts;
    this.#client = parts.client;
    this.#domains = parts.domains;
    this.#own = parts.own;
  }

  async define(vm: VmDefinition, mark: OwnershipMark): Promise<SettledDefinition> {
    await this.#own.require(vm.vmId);
    await this.#own.requireTracked(vm.vmId);
    await beforehand(() => this.#parts.offers.require(vm.spec));
    requireOfferedNetworks(vm.spec.nics, this.#parts.networks);
    await requireTrafficShaping(vm.spec.nics);
    this.#parts.macs.take(vm.vmId, vm.spec.nics);
    const disks = await Promise.all(vm.spec.disks.map((disk) => this.#parts.volumes.place(vm.vmId, disk)));
    const directKernel = (await this.#parts.images.ofDisks(vm.spec.disks))[0]?.directKernel;
    const xml = writeDomain({
      vmId: vm.vmId,
      name: vm.name,
      spec: vm.spec,
      mark,
      accelerator: this.#parts.accelerator,
      ...(this.#parts.nicFilter === undefined ? {} : { nicFilter: this.#parts.nicFilter }),
      disks,
      hasPanicDevice: await this.#parts.offers.hasPanicDevice(),
      ...(directKernel === undefined ? {} : { directKernel }),
      ...(vm.settled === undefined ? {} : { settled: vm.settled }),
    });
    this.#parts.onOwn(vm.vmId);
    await attempt('define the VM', () => this.#client.call('DOMAIN_DEFINE_XML_FLAGS', { xml, flags: 0 }));
    const description = await this.#domains.describe(vm.vmId);
    if (description !== undefined) this.#parts.macs.note(description);
    if (description === undefined) {
      throw errors.HYPERVISOR_FAILED('unknown', 'the definition was gone as soon as it was made');
    }
    return settledDefinition(
      description,
      vm.spec.disks.map((disk) => ({
        name: disk.name,
        pool: disk.pool,
        volume: volumeName(vm.vmId, disk.name, disk.format),
        serial: diskSerial(vm.vmId, disk.name),
      })),
    );
  }

  async mark(vmId: VmId, mark: OwnershipMark): Promise<void> {
    await this.#own.require(vmId);
    const metadata = writeXml(markElement(mark));
    const flags = (await this.#domains.isActive(vmId)) ? affects.live | affects.config : affects.config;
    await attempt('mark the VM', () =>
      this.#client.call('DOMAIN_SET_METADATA', {
        dom: domainRef(vmId),
        type: metadataTypes.element,
        metadata,
        key: MARK_PREFIX,
        uri: MARK_NAMESPACE,
        flags,
      }),
    );
  }

  async undefine(vmId: VmId): Promise<void> {
    if (!(await this.#own.require(vmId))) return;
    await this.#own.requireTracked(vmId);
    await attempt('remove the definition', () =>
      orUndefined(
        this.#client.call('DOMAIN_UNDEFINE_FLAGS', { dom: domainRef(vmId), flags: UNDEFINE_ALL }),
        errorCodes.NO_DOMAIN,
      ),
    );
  }
}
