import type {
  ClusterStats,
  HostListQuery,
  HostResource,
  ImageListQuery,
  ImageView,
  NamedHostStrays,
  OperationListQuery,
  OperationView,
  ProjectId,
  StrayListQuery,
  VmId,
  VmListQuery,
  VmView,
} from '@drover/contracts';
import { resourceKey, type Reads } from './resource-reads.port.js';

/** Listed by project, name and id; by name: the one that bears it now. */
export const VMS = resourceKey<VmView, VmListQuery>('vm');
/** Listed by name and id; several may bear one name. Without strays. */
export const HOSTS = resourceKey<HostResource, HostListQuery>('host');
/** By the host's id, which each has too; of a host that never had any there is none. Lists have the hosts with any now. */
export const STRAYS = resourceKey<NamedHostStrays, StrayListQuery>('strays');
/** Listed by project, name and id; by name: the one that bears it now. */
export const IMAGES = resourceKey<ImageView, ImageListQuery>('image');
/** Listed newest first. */
export const OPERATIONS = resourceKey<OperationView, OperationListQuery>('operation');

/** The read model: resources, and what is asked across them. Faults are `STORE_UNAVAILABLE`. */
export interface FleetReads extends Reads {
  /** The VM that bore the name at that moment: created by then, and not deleted. */
  findVmNamedAt(project: ProjectId, name: string, moment: string): Promise<VmId | undefined>;
  /** The newest VM that ever bore the name, though it is deleted. */
  findVmLastNamed(project: ProjectId, name: string): Promise<VmId | undefined>;
  stats(): Promise<ClusterStats>;
}

export const FLEET_READS = Symbol('FleetReads');
