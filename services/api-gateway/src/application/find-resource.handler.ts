import type { HostResource, OperationId, ProjectId, OperationView, VmView } from '@drover/contracts';
import type { FleetReads, ReadPosition } from './ports/fleet-reads.port.js';
import { refuse, Refused } from './refused.js';

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
    const vm = await this.lookTwice(() => this.#reads.findVm(project, nameOrId));
    return vm === undefined || vm.deletedAt !== null || vm.project !== project ? undefined : vm;
  }

  /** Also one that was deleted: by its id, or by its name while no other VM bears it. */
  async vmEver(project: ProjectId, nameOrId: string): Promise<VmView> {
    const vm = await this.lookTwice(async () => {
      const found = await this.#reads.findVm(project, nameOrId);
      const lastId = found === undefined ? await this.#reads.findVmLastNamed(project, nameOrId) : undefined;
      return lastId === undefined ? found : this.#reads.findVm(project, lastId);
    });
    if (vm === undefined || vm.project !== project) {
      return refuse('VM_NOT_FOUND', `project ${project} has and had no VM ${nameOrId}`);
    }
    return vm;
  }

  async host(nameOrId: string): Promise<HostResource> {
    const found = await this.lookTwice(async () => {
      const hosts = await this.#reads.findHosts(nameOrId);
      return hosts.length === 0 ? undefined : hosts;
    });
    const [host, ...others] = found ?? [];
    if (host === undefined) return refuse('HOST_NOT_FOUND', `there is no host ${nameOrId}`);
    if (others.length === 0) return host;
    const hostIds = [host, ...others].map(({ id }) => id);
    const field = '{host}';
    const detail = `several hosts are named ${nameOrId}: give the id of one, ${hostIds.join(' or ')}`;
    throw new Refused({ code: 'INVALID_FIELD', detail, field, data: { hostIds } }, [{ field, detail }]);
  }

  async operation(id: OperationId): Promise<OperationView> {
    const operation = await this.lookTwice(() => this.#reads.findOperation(id));
    return operation ?? refuse('OPERATION_NOT_FOUND', `there is no operation ${id}`);
  }

  /** Again, once the read model has come to where the store is, where the first look finds nothing. */
  async lookTwice<Found>(look: () => Promise<Found | undefined>): Promise<Found | undefined> {
    const found = await look();
    if (found !== undefined) return found;
    await this.#position.catchUp(LONGEST_WAIT_MS);
    return look();
  }
}

export function refuseMissingVm(project: ProjectId, nameOrId: string): never {
  return refuse('VM_NOT_FOUND', `project ${project} has no VM ${nameOrId}`);
}
