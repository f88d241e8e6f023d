import type {
  ClusterStats,
  HostListQuery,
  HostResource,
  HostShare,
  OperationId,
  OperationListQuery,
  Position,
  ProjectId,
  VmId,
  VmListQuery,
  OperationView,
  VmView,
} from '@drover/contracts';

export interface Page<Item> {
  readonly items: readonly Item[];
  /** Where the next page begins; absent on the last one. */
  readonly next?: string;
}

/** So many hosts of one name are told of where one was meant. */
export const HOSTS_OF_A_NAME = 10;

/** The read model. Faults are `STORE_UNAVAILABLE`; a cursor that no page gave is refused with `INVALID_FIELD`. */
export interface FleetReads {
  /** By name: the one that bears it now. By id: also a deleted one. */
  findVm(project: ProjectId, nameOrId: string): Promise<VmView | undefined>;
  /** The VM that bore the name at that moment: created by then, and not deleted. */
  findVmNamedAt(project: ProjectId, name: string, moment: string): Promise<VmId | undefined>;
  /** The newest VM that ever bore the name, though it is deleted. */
  findVmLastNamed(project: ProjectId, name: string): Promise<VmId | undefined>;
  /** Ordered by project, name and id, which never change: each VM that is there throughout comes exactly once. */
  listVms(query: VmListQuery): Promise<Page<VmView>>;
  /**
   * By id: one at most. By name: all that bear it, but no more than `HOSTS_OF_A_NAME`, ordered by id; a name is no identity.
   * Strays are told of a single one.
   */
  findHosts(nameOrId: string): Promise<readonly HostResource[]>;
  /** Ordered by name and id. */
  listHosts(query: HostListQuery): Promise<Page<HostResource>>;
  findOperation(id: OperationId): Promise<OperationView | undefined>;
  /** Newest first. */
  listOperations(query: OperationListQuery): Promise<Page<OperationView>>;
  stats(): Promise<ClusterStats>;
  /** Ordered by host name and id. */
  distribution(query: Pick<HostListQuery, 'after' | 'limit'>): Promise<Page<HostShare>>;
}

export const FLEET_READS = Symbol('FleetReads');

/** How far the read model is, for those who must not see less than they know. */
export interface ReadPosition {
  waitFor(position: Position, timeoutMs: number): Promise<'reached' | 'not-yet'>;
  /** Waits until it has come to where the store is now. */
  catchUp(timeoutMs: number): Promise<'reached' | 'not-yet'>;
  /** Where the store is now. */
  head(): Promise<Position>;
}
