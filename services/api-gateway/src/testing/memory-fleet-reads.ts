import {
  START,
  type ClusterStats,
  type HostStrays,
  type HostView,
  type OperationView,
  type ProjectId,
  type StoredEvent,
  type VmId,
  type VmView,
} from '@drover/contracts';
import { decodeCursor, encodeCursor, refuseCursor } from '../adapters/outbound/cursor.codec.js';
import type { EventStore } from '@drover/event-store';
import type { FleetReads } from '../application/ports/fleet-reads.port.js';
import {
  NAMESAKES,
  type Page,
  type ResourceKey,
  type ResourceReads,
} from '../application/ports/resource-reads.port.js';
import { filtersIn, foldBatch, type AllViews, type AnyResource, type View } from '../projections/resource/resource.js';
import { resources } from '../sections.js';
import { countOf } from '../projections/strays/strays-view.state.js';
import { allocatedBy, UNKNOWN } from '../projections/vm/vm-totals.js';

interface PageQuery {
  readonly after?: string | undefined;
  readonly limit?: number | undefined;
}

/** The read side straight from the events, folded anew for every answer: slow, always current, and simple to believe. */
export class MemoryFleetReads implements FleetReads {
  readonly #store: EventStore;

  constructor(store: EventStore) {
    this.#store = store;
  }

  of<Shown, Query>({ name }: ResourceKey<Shown, Query>): ResourceReads<Shown, Query> {
    const resource = resources.find(({ key }) => key.name === name);
    if (resource === undefined) throw new Error(`there is no resource ${name}`);
    return readsOf(this.#store, resource) as ResourceReads<Shown, Query>;
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
    const vms = (await foldAll(this.#store)).of<VmView>('vm');
    return vms.filter((vm) => vm.project === project && vm.name === name).reverse();
  }

  async stats(): Promise<ClusterStats> {
    const fleet = await foldAll(this.#store);
    const hosts = fleet.of<HostView>('host');
    const vms = fleet.of<VmView>('vm').filter((vm) => vm.deletedAt === null);
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
        strays: fleet.of<HostStrays>('strays').reduce((sum, ofHost) => sum + countOf(ofHost), 0),
      },
      allocated: allocatedBy(vms),
      capacity: {
        cpus: hosts.reduce((sum, { inventory }) => sum + inventory.cpu.count, 0),
        memoryMiB: hosts.reduce((sum, host) => sum + memoryOf(host), 0),
      },
      operations: { open: fleet.of<OperationView>('operation').filter(({ endedAt }) => endedAt === null).length },
    };
  }
}

/** What a resource's declaration says, on a plain fold. */
function readsOf(store: EventStore, resource: AnyResource): ResourceReads<unknown, PageQuery> {
  const { key, named, listed, columns } = resource;
  const shown = (fleet: AllViews, views: readonly View[]) => resource.complete?.inMemory(views, fleet) ?? views;
  const isListed = (view: View) => listed === undefined || listed.matches(view);
  return {
    async find(id) {
      const fleet = await foldAll(store);
      const found = fleet.of(key.name).filter((view) => view.id === id);
      return shown(fleet, found)[0];
    },
    async named(name, project) {
      if (named === undefined) return [];
      const fleet = await foldAll(store);
      const { column, within } = named;
      const found = fleet
        .of(key.name)
        .filter((view) => isListed(view) && columns[column]?.of(view) === name)
        .filter((view) => within === undefined || columns[within]?.of(view) === project)
        .sort((a, b) => (a.id < b.id ? -1 : 1));
      return shown(fleet, found.slice(0, NAMESAKES));
    },
    async list(query) {
      const fleet = await foldAll(store);
      const filters = filtersIn(resource, query);
      const isFitting = (view: View) =>
        isListed(view) && filters.every(([filter, value]) => filter.matches(view, value));
      const { items, ...rest } = page(ordered(resource, fleet.of(key.name)), isFitting, query);
      return { items: shown(fleet, items), ...rest };
    },
  };
}

function ordered({ order, columns }: AnyResource, views: readonly View[]): readonly View[] {
  const textOf = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));
  const keyOf = (view: View) => order.columns.map((name) => textOf(columns[name]?.of(view) ?? view.id)).join('\0');
  const sorted = [...views].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  return order.isDescending === true ? sorted.reverse() : sorted;
}

function page(
  views: readonly View[],
  isFitting: (view: View) => boolean,
  { after, limit = 100 }: PageQuery,
): Page<View> {
  const last = after === undefined ? -1 : views.findIndex(({ id }) => id === decodeCursor(after));
  if (after !== undefined && last < 0) refuseCursor();
  const fitting = views.slice(last + 1).filter(isFitting);
  const items = fitting.slice(0, limit);
  const end = items.at(-1);
  return end === undefined || items.length === fitting.length ? { items } : { items, next: encodeCursor(end.id) };
}

export async function foldAll(store: EventStore): Promise<AllViews> {
  const events = await everyEvent(store);
  return {
    of<Stored extends View>(name: string): readonly Stored[] {
      const resource = resources.find(({ key }) => key.name === name);
      if (resource === undefined) throw new Error(`there is no resource ${name}`);
      return [...foldBatch(resource, new Map(), events).after.values()] as readonly View[] as readonly Stored[];
    },
  };
}

async function everyEvent(store: EventStore): Promise<readonly StoredEvent[]> {
  const events: StoredEvent[] = [];
  for await (const event of allEvents(store)) events.push(event);
  return events;
}

export async function* allEvents(store: EventStore): AsyncIterable<StoredEvent> {
  for (let after = START, isEnd = false; !isEnd;) {
    const page = await store.readAll(after, { limit: 500 });
    yield* page.events;
    after = page.next;
    isEnd = page.isEnd;
  }
}

function memoryOf({ inventory }: HostView): number {
  return Math.max(0, inventory.memoryMiB - inventory.reservedMemoryMiB);
}

function counts(values: readonly string[]): Record<string, number> {
  const found: Record<string, number> = {};
  for (const value of values) found[value] = (found[value] ?? 0) + 1;
  return found;
}
