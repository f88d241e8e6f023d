import { Fault, type FleetId, type ListedDomain, type VmId } from '@drover/contracts';
import type { LibvirtClient } from '@drover/libvirt-rpc';
import type { DomainDescription } from '@drover/libvirt-xml';
import type { LibvirtDomains } from './libvirt-domains.adapter.js';
import { attempt } from '../libvirt-faults.js';
import { listedProcess, type UntrackedProcesses } from './untracked-processes.adapter.js';

export interface DomainListOptions {
  readonly client: LibvirtClient;
  readonly domains: LibvirtDomains;
  readonly untracked: UntrackedProcesses;
}

/**
 * Every domain of the host, ours and others', and the processes that libvirt has forgotten. A domain that cannot be read is
 * told as such and takes no other out of the list.
 *
 * @param onRead is called with each domain that was read, and whether it is of this fleet.
 */
export async function listDomains(
  { client, domains, untracked }: DomainListOptions,
  fleetId: FleetId,
  onRead: (description: DomainDescription, ownId: VmId | undefined) => void,
): Promise<readonly ListedDomain[]> {
  const forgotten = new Map(await untracked.all());
  const reply = await attempt('list the domains', () =>
    client.call('CONNECT_LIST_ALL_DOMAINS', { need_results: 1, flags: 0 }),
  );
  const listed = await Promise.all(reply.domains.map((domain) => listOne(domain)));
  return [...listed.flat(), ...[...forgotten.values()].map(listedProcess)];

  async function listOne({ uuid, name }: { readonly uuid: string; readonly name: string }): Promise<ListedDomain[]> {
    const isUntracked = forgotten.delete(uuid);
    try {
      const description = await domains.describe(uuid);
      // Gone between the list and the question.
      if (description === undefined) return [];
      const { mark } = description;
      const isOurs = mark?.fleetId === fleetId && mark.vmId === description.uuid;
      onRead(description, isOurs ? mark.vmId : undefined);
      const state = await domains.state(uuid);
      return [
        {
          ...entry(description, isUntracked ? { powerState: 'UNRESPONSIVE', isUntracked } : state),
          ...(isOurs && (await domains.clearAutostart(uuid)) ? { wasAutostart: true } : {}),
          ...(isOurs
            ? {
                ours: {
                  vmId: mark.vmId,
                  generation: mark.generation,
                  lastOrderId: mark.lastOrderId,
                  fingerprint: description.fingerprint,
                },
              }
            : {}),
        },
      ];
    } catch (error) {
      if (error instanceof Fault && error.code === 'HYPERVISOR_UNAVAILABLE') throw error;
      const unreadable = (error instanceof Error ? error.message : String(error)).slice(0, 300);
      const title = name.slice(0, 200);
      return [{ libvirtUuid: uuid, title, powerState: 'UNRESPONSIVE', vcpus: 0, memoryMiB: 0, unreadable }];
    }
  }
}

function entry(
  { uuid, title, vcpus, memoryMiB }: DomainDescription,
  {
    powerState,
    isIoError = false,
    isUntracked = false,
    stopCause,
  }: Pick<ListedDomain, 'powerState' | 'isIoError' | 'isUntracked' | 'stopCause'>,
): ListedDomain {
  return {
    libvirtUuid: uuid,
    title: title.slice(0, 200),
    powerState,
    ...(isIoError ? { isIoError } : {}),
    ...(isUntracked ? { isUntracked } : {}),
    ...(stopCause === undefined ? {} : { stopCause }),
    vcpus,
    memoryMiB,
  };
}
