import { printable, renderTable, type Column } from './table.js';

/** Why no host could take a VM: how many each filter excluded, and the hosts that came nearest. */
export interface PlacementFailure {
  readonly counts: Readonly<Record<string, number>>;
  readonly nearest: readonly {
    readonly hostName: string;
    readonly filter: string;
    readonly detail: string;
    readonly numbers: Readonly<Record<string, number>>;
  }[];
}

type Nearest = PlacementFailure['nearest'][number];

const filters: readonly Column<readonly [filter: string, count: number]>[] = [
  { heading: 'FILTER', value: ([filter]) => filter },
  { heading: 'HOSTS REFUSED', value: ([, count]) => count, isNumber: true },
];

const hosts: readonly Column<Nearest>[] = [
  { heading: 'NEAREST HOST', value: (host) => host.hostName },
  { heading: 'FILTER', value: (host) => host.filter },
  { heading: 'BECAUSE', value: (host) => host.detail },
  { heading: 'NUMBERS', value: (host) => pairs(host.numbers) },
];

export function renderPlacementFailure({ counts, nearest }: PlacementFailure): string {
  const most = Object.entries(counts).sort(([, a], [, b]) => b - a);
  return [renderTable(filters, most), renderTable(hosts, nearest)].join('\n\n');
}

/** The failure in the data of an error, where it is one of placement. */
export function placementFailureIn(data: unknown): PlacementFailure | undefined {
  const isOne = typeof data === 'object' && data !== null && 'counts' in data && 'nearest' in data;
  return isOne && Array.isArray(data.nearest) ? (data as PlacementFailure) : undefined;
}

export function pairs(record: Readonly<Record<string, string | number>>): string {
  return Object.entries(record)
    .map(([key, value]) => `${printable(key)}=${value}`)
    .join(' ');
}
