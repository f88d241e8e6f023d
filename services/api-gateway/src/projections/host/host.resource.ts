import {
  hostKind,
  isKnownEvent,
  kindOfStream,
  streamSubjectId,
  type HostListQuery,
  type HostResource,
  type HostView,
  type StoredEvent,
  type StoredHostEvent,
  type VmView,
} from '@drover/contracts';
import { HOSTS } from '../../application/ports/fleet-reads.port.js';
import { defineResource, equals } from '../resource/resource.js';
import { allocatedBy, allocatedPerHost, nothingAllocated } from '../vm/vm-totals.js';
import { evolveHost } from './host-view.state.js';

export const hostResource = defineResource<HostView, HostListQuery, HostResource>({
  key: HOSTS,
  kinds: [hostKind.name],
  revision: 1,
  idOf: (event) => (isHostEvent(event) ? streamSubjectId(event.stream) : undefined),
  evolve: (view, event) => (isHostEvent(event) ? evolveHost(view, event) : view),
  isUnknown: (event) => !isKnownEvent(event),
  columns: {
    name: { type: 'text', of: (host) => host.name },
    zone: { type: 'text', isNullable: true, of: (host) => host.zone },
    liveness: { type: 'text', of: (host) => host.liveness.state },
    is_cordoned: { type: 'boolean', of: (host) => host.cordon !== null },
    cpus: { type: 'bigint', of: (host) => host.inventory.cpu.count },
    memory_mib: { type: 'bigint', of: memoryMiB },
  },
  indexes: { host_by_name: '(name, id)' },
  order: { columns: ['name', 'id'] },
  filters: {
    name: equals('name', (host) => host.name),
    zone: equals('zone', (host) => host.zone),
    liveness: equals('liveness', (host) => host.liveness.state),
  },
  named: { column: 'name' },
  complete: {
    async sql(sql, hosts) {
      const ids = hosts.map(({ id }) => id);
      const allocated = await allocatedPerHost(sql, ids);
      return hosts.map((host) => ({ ...host, allocated: allocated.get(host.id) ?? nothingAllocated }));
    },
    inMemory(hosts, all) {
      const vms = all.of<VmView>('vm').filter((vm) => vm.deletedAt === null);
      const on = (host: HostView) => vms.filter((vm) => vm.placement?.hostId === host.id);
      return hosts.map((host) => ({ ...host, allocated: allocatedBy(on(host)) }));
    },
  },
});

/** What the host gives to VMs. */
function memoryMiB({ inventory }: HostView): number {
  return Math.max(0, inventory.memoryMiB - inventory.reservedMemoryMiB);
}

function isHostEvent(event: StoredEvent): event is StoredHostEvent {
  return kindOfStream(event.stream) === hostKind.name && isKnownEvent(event);
}
