import {
  errors,
  hostIdSchema,
  refuse,
  Rejected,
  vmIdSchema,
  type HostResource,
  type OperationId,
  type OperationView,
  type ProjectId,
  type VmView,
} from '@drover/contracts';
import { HOSTS, OPERATIONS, VMS, type FleetReads } from './ports/fleet-reads.port.js';
import type { ReadPosition } from './ports/read-position.port.js';
import type { ResourceKey } from './ports/resource-reads.port.js';

const LONGEST_WAIT_MS = 3000;

/**
 * Finds what a path names. The read model may lag behind the store, so before it calls something missing it waits until the
 * model has caught up.
 */
export class FindResource {
  readonly #reads: FleetReads;
  readonly #position: ReadPosition;

  constructor(reads: FleetReads, position: ReadPosition) {
    this.#reads = reads;
    this.#position = position;
  }

  async vm(project: ProjectId, nameOrId: string): Promise<VmView> {
    return (await this.vmIfAny(project, nameOrId)) ?? refuseMissingVm(project, nameOrId);
  }

  async vmIfAny(project: ProjectId, nameOrId: string): Promise<VmView | undefined> {
    const vm = await this.lookTwice(VMS, () => this.#vm(project, nameOrId));
    return vm === undefined || vm.deletedAt !== null || vm.project !== project ? undefined : vm;
  }

  /** Also one that was deleted: by its id, or by its name while no other VM bears it. */
  async vmEver(project: ProjectId, nameOrId: string): Promise<VmView> {
    const vm = await this.lookTwice(VMS, async () => {
      const found = await this.#vm(project, nameOrId);
      const lastId = found === undefined ? await this.#reads.findVmLastNamed(project, nameOrId) : undefined;
      return lastId === undefined ? found : this.#vm(project, lastId);
    });
    if (vm === undefined || vm.project !== project) {
      return refuse(errors.VM_NOT_FOUND(`project ${project} has and had no VM ${nameOrId}`));
    }
    return vm;
  }

  /** By name the one that bears it now; by id also a deleted one. */
  async #vm(project: ProjectId, nameOrId: string): Promise<VmView | undefined> {
    const vms = this.#reads.of(VMS);
    return vmIdSchema.safeParse(nameOrId).success ? vms.find(nameOrId) : (await vms.named(nameOrId, project))[0];
  }

  async host(nameOrId: string): Promise<HostResource> {
    const found = await this.lookTwice(HOSTS, async () => {
      const hosts = await this.#hosts(nameOrId);
      return hosts.length === 0 ? undefined : hosts;
    });
    const [host, ...others] = found ?? [];
    if (host === undefined) return refuse(errors.HOST_NOT_FOUND(`there is no host ${nameOrId}`));
    if (others.length === 0) return host;
    const hostIds = [host, ...others].map(({ id }) => id);
    const field = '{host}';
    const detail = `several hosts are named ${nameOrId}: give the id of one, ${hostIds.join(' or ')}`;
    throw new Rejected(errors.INVALID_FIELD(detail, { field, data: { hostIds } }), { fields: [{ field, detail }] });
  }

  /** By id one at most; by name all that bear it. */
  async #hosts(nameOrId: string): Promise<readonly HostResource[]> {
    const hosts = this.#reads.of(HOSTS);
    if (!hostIdSchema.safeParse(nameOrId).success) return hosts.named(nameOrId);
    const host = await hosts.find(nameOrId);
    return host === undefined ? [] : [host];
  }

  async operation(id: OperationId): Promise<OperationView> {
    const operation = await this.lookTwice(OPERATIONS, () => this.#reads.of(OPERATIONS).find(id));
    return operation ?? refuse(errors.OPERATION_NOT_FOUND(`there is no operation ${id}`));
  }

  /** Again, once the resource's model has come to where the store is, where the first look finds nothing. */
  async lookTwice<Found>(
    { name }: Pick<ResourceKey<unknown, unknown>, 'name'>,
    look: () => Promise<Found | undefined>,
  ): Promise<Found | undefined> {
    const found = await look();
    if (found !== undefined) return found;
    await this.#position.catchUp(LONGEST_WAIT_MS, [name]);
    return look();
  }
}

export function refuseMissingVm(project: ProjectId, nameOrId: string): never {
  return refuse(errors.VM_NOT_FOUND(`project ${project} has no VM ${nameOrId}`));
}
