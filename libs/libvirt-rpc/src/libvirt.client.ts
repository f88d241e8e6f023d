import { LibvirtPool } from './connection/pool.client.js';
import { Domains } from './facade/domains.js';
import { Guest } from './facade/guest.js';
import { Host } from './facade/host.js';
import { Jobs } from './facade/jobs.js';
import { Networks } from './facade/networks.js';
import { Snapshots } from './facade/snapshots.js';
import { Statistics } from './facade/statistics.js';
import { StoragePools, Volumes } from './facade/storage.js';

/** A libvirt daemon, as seen by a program that manages its domains. `call` reaches what the groups below leave out. */
export class LibvirtClient extends LibvirtPool {
  readonly host = new Host(this);
  readonly domains = new Domains(this);
  readonly statistics = new Statistics(this);
  readonly guest = new Guest(this);
  readonly snapshots = new Snapshots(this);
  readonly jobs = new Jobs(this);
  readonly pools = new StoragePools(this);
  readonly volumes = new Volumes(this);
  readonly networks = new Networks(this);
}
