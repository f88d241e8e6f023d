import {
  START,
  vcpuCount,
  vmIdSchema,
  type ClusterStats,
  type HostId,
  type HostListQuery,
  type HostResource,
  type OperationId,
  type OperationListQuery,
  type ProjectId,
  type StoredEvent,
  type VmId,
  type VmListQuery,
  type HostView,
  type VmView,
} from '@drover/contracts';
import type { EventStore } from '@drover/event-store';
import { HOSTS_OF_A_NAME, type FleetReads, type Page } from '../application/ports/fleet-reads.port.js';
import { emptyFold, fold, type FleetFold } from '../projections/fleet/fleet.fold.js';
import { UNKNOWN } from '../projections/fleet/vm-totals.js';

/** The read side straight from the events, folded anew for every answer: slow, always current, and simple to believe. */
export class MemoryFleetReads implements FleetReads {
  readonly #store: EventStore;

  constructor(store: EventStore) {
    this.#store = store;
  }

  async findVm(project: ProjectId, nameOrId: string): Promise<VmView | undefined> {
    const { vms } = await foldAll(this.#store);
    if (vmIdSchema.safeParse(nameOrId).success) return vms.get(nameOrId as VmId);
    return [...vms.values()].find((vm) => vm.project === project && vm.name === nameOrId && vm.deletedAt === null);
  }

  async findVmNamedAt(project: ProjectId, name: string, moment: string): Promise<VmId | undefined> {
    const named = await this.#everNamed(project, name);
    return named.find((vm) => vm.createdAt <= moment && (vm.deletedAt === null || vm.deletedAt > moment))?.id;
  }

  async findVmLastNamed(project: ProjectId, name: string): Promise<VmId | undefined> {
    return (await this.#everNamed(project, name))[0]?.id;
  }

  /** Newest first. */
  async #everNamed(project: ProjectId, name: string): Promise<readonly VmView[]> {
    const { vms } = await foldAll(this.#store);
    return [...vms.values()].filter((vm) => vm.project === project && vm.name === name).reverse();
  }

  async listVms(query: VmListQuery): Promise<Page<VmView>> {
    const { project, name, host, observed, desired, labels } = query;
    const vms = [...(await foldAll(this.#store)).vms.values()].filter(
      (vm) =>
        vm.deletedAt === null &&
        (project === undefined || vm.project === project) &&
        (name === undefined || vm.name === name) &&
        (host === undefined || vm.placement?.hostId === host) &&
        (observed === undefined || vm.observed?.powerState === observed) &&
        (desired === undefined || vm.desired.powerState === desired) &&
        (labels ?? []).every(([key, value]) => vm.spec.labels[key] === value),
    );
    return paged(vms, query, (vm) => [vm.project, vm.name, vm.id].join('\0'));
  }

  async findHosts(nameOrId: string): Promise<readonly HostResource[]> {
    const fleet = await foldAll(this.#store);
    const hosts = [...fleet.hosts.values()]
      .filter((host) => host.id === nameOrId || host.name === nameOrId)
      .sort((a, b) => (a.id < b.id ? -1 : 1))
      .slice(0, HOSTS_OF_A_NAME)
      .map((host) => hostResource(fleet, host));
    const [host, ...others] = hosts;
    if (host === undefined || others.length > 0) return hosts;
    const strays = [...fleet.strays.values()].filter((stray) => stray !== null);
    return [{ ...host, strays: strays.filter((stray) => stray.hostId === host.id) }];
  }

  async listHosts(query: HostListQuery): Promise<Page<HostResource>> {
    const fleet = await foldAll(this.#store);
    const { name, zone, liveness } = query;
    const hosts = [...fleet.hosts.values()].filter(
      (host) =>
        (name === undefined || host.name === name) &&
        (zone === undefined || host.zone === zone) &&
        (liveness === undefined || host.liveness.state === liveness),
    );
    const { items, ...rest } = paged(hosts, query, (host) => [host.name, host.id].join('\0'));
    return { items: items.map((host) => hostResource(fleet, host)), ...rest };
  }

  async findOperation(id: OperationId) {
    return (await foldAll(this.#store)).operations.get(id);
  }

  async listOperations(query: OperationListQuery) {
    const { project, vm, kind, state, open } = query;
    const operations = [...(await foldAll(this.#store)).operations.values()]
      .filter(
        (operation) =>
          (project === undefined || operation.project === project) &&
          (vm === undefined || operation.vm.id === vm) &&
          (kind === undefined || operation.kind === kind) &&
          (state === undefined || operation.state === state) &&
          (open === undefined || (operation.endedAt === null) === open),
      )
      .sort((a, b) => (`${a.beganAt} ${a.id}` < `${b.beganAt} ${b.id}` ? 1 : -1));
    return slice(operations, query, (operation) => operation.id);
  }

  async stats(): Promise<ClusterStats> {
    const fleet = await foldAll(this.#store);
    const hosts = [...fleet.hosts.values()];
    const vms = [...fleet.vms.values()].filter((vm) => vm.deletedAt === null);
    const suspected = hosts.filter((host) => host.liveness.state === 'SUSPECTED').length;
    return {
      hosts: {
        total: hosts.length,
        alive: hosts.length - suspected,
        suspected,
        cordoned: hosts.filter((host) => host.cordon !== null).length,
      },
      vms: {
        total: vms.length,
        observed: counts(vms.map((vm) => vm.observed?.powerState ?? UNKNOWN)),
        desired: counts(vms.map((vm) => vm.desired.powerState)),
        strays: [...fleet.strays.values()].filter((stray) => stray !== null).length,
      },
      allocated: allocatedBy(vms),
      capacity: {
        cpus: hosts.reduce((sum, { inventory }) => sum + inventory.cpu.count, 0),
        memoryMiB: hosts.reduce((sum, host) => sum + memoryOf(host), 0),
      },
      operations: { open: [...fleet.operations.values()].filter((operation) => operation.endedAt === null).length },
    };
  }

  async distribution(query: Pick<HostListQuery, 'after' | 'limit'>) {
    const { items, ...rest } = await this.listHosts(query);
    return {
      items: items.map((host) => ({
        hostId: host.id,
        name: host.name,
        zone: host.zone,
        liveness: host.liveness.state,
        isCordoned: host.cordon !== null,
        allocated: host.allocated,
        capacity: { cpus: host.inventory.cpu.count, memoryMiB: memoryOf(host) },
      })),
      ...rest,
    };
  }
}

export async function foldAll(store: EventStore): Promise<FleetFold> {
  const fleet = emptyFold();
  for await (const event of allEvents(store)) fold(fleet, event);
  return fleet;
}

export async function* allEvents(store: EventStore): AsyncIterable<StoredEvent> {
  for (let after = START, isEnd = false; !isEnd;) {
    const page = await store.readAll(after, { limit: 500 });
    yield* page.events;
    after = page.next;
    isEnd = page.isEnd;
  }
}

function paged<Item>(
  items: readonly Item[],
  query: { readonly after?: string | undefined; readonly limit?: number | undefined },
  keyOf: (item: Item) => string,
): Page<Item> {
  return slice(
    [...items].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)),
    query,
    keyOf,
  );
}

function slice<Item>(
  items: readonly Item[],
  query: { readonly after?: string | undefined; readonly limit?: number | undefined },
  keyOf: (item: Item) => string,
): Page<Item> {
  const { after, limit = 100 } = query;
  const key = after === undefined ? undefined : Buffer.from(after, 'base64url').toString();
  const begin = key === undefined ? 0 : items.findIndex((item) => keyOf(item) === key) + 1;
  const found = items.slice(begin, begin + limit);
  const last = found.at(-1);
  if (last === undefined || begin + limit >= items.length) return { items: found };
  return { items: found, next: Buffer.from(keyOf(last)).toString('base64url') };
}

function hostResource(fleet: FleetFold, host: HostView): HostResource {
  return { ...host, allocated: allocatedBy(vmsOn(fleet, host.id)) };
}

function vmsOn(fleet: FleetFold, hostId: HostId): VmView[] {
  return [...fleet.vms.values()].filter((vm) => vm.deletedAt === null && vm.placement?.hostId === hostId);
}

function allocatedBy(vms: readonly VmView[]): HostResource['allocated'] {
  return {
    vms: vms.length,
    running: vms.filter((vm) => vm.observed?.powerState === 'RUNNING').length,
    vcpus: vms.reduce((sum, vm) => sum + vcpuCount(vm.spec.cpu), 0),
    memoryMiB: vms.reduce((sum, vm) => sum + vm.spec.memory.sizeMiB, 0),
  };
}

function memoryOf({ inventory }: HostView): number {
  return Math.max(0, inventory.memoryMiB - inventory.reservedMemoryMiB);
}

function counts(values: readonly string[]): Record<string, number> {
  const found: Record<string, number> = {};
  for (const value of values) found[value] = (found[value] ?? 0) + 1;
  return found;
}
