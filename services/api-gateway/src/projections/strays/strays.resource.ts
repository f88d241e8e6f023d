import {
  isKnownEvent,
  kindOfStream,
  straysKind,
  streamSubjectId,
  type HostStrays,
  type NamedHostStrays,
  type StoredEvent,
  type StoredStraysEvent,
  type StrayListQuery,
  type VmId,
} from '@drover/contracts';
import { HOSTS, STRAYS } from '../../application/ports/fleet-reads.port.js';
import { namesIn, namesOf } from '../resource/names-of.js';
import { defineResource, equals, type Filter } from '../resource/resource.js';
import { countOf, evolveStrays } from './strays-view.state.js';

const ofVm: Filter<HostStrays, VmId> = {
  sql: (vmId, param) => `t.vms @> ${param(JSON.stringify(vmId))}::jsonb`,
  matches: ({ strays }, vmId) => strays.some((stray) => stray.vmId === vmId),
};

/** The strays of each host; lists leave out the hosts that have none. */
export const straysResource = defineResource<HostStrays, StrayListQuery, NamedHostStrays>({
  key: STRAYS,
  kinds: [straysKind.name],
  revision: 3,
  idOf: (event) => (isStraysEvent(event) ? streamSubjectId(event.stream) : undefined),
  evolve: (view, event) => (isStraysEvent(event) ? evolveStrays(view, event) : view),
  isUnknown: (event) => !isKnownEvent(event),
  columns: {
    count: { type: 'bigint', of: countOf },
    vms: { type: 'jsonb', of: ({ strays }) => strays.map(({ vmId }) => vmId) },
  },
  indexes: { strays_there: '(id) WHERE count > 0', strays_by_vm: 'USING gin (vms)' },
  order: { columns: ['id'] },
  filters: { host: equals('id', ({ id }) => id), vm: ofVm },
  listed: { sql: 't.count > 0', matches: (view) => countOf(view) > 0 },
  complete: {
    async sql(sql, hosts) {
      const ids = hosts.map(({ id }) => id);
      return named(hosts, await namesOf(sql, HOSTS, ids));
    },
    inMemory: (hosts, all) => named(hosts, namesIn(all, HOSTS)),
  },
});

function named(hosts: readonly HostStrays[], names: ReadonlyMap<string, string>): readonly NamedHostStrays[] {
  return hosts.map((host) => ({ ...host, name: names.get(host.id) ?? '' }));
}

function isStraysEvent(event: StoredEvent): event is StoredStraysEvent {
  return kindOfStream(event.stream) === straysKind.name && isKnownEvent(event);
}
