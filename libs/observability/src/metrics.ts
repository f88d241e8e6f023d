import { monitorEventLoopDelay } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { metricCatalogue, type CounterName, type LabelsOf, type MetricName } from './metric-catalogue.js';

/** Labels may be left out where a metric has none. */
type Given<Name extends MetricName> = keyof LabelsOf<Name> extends never ? [] : [labels: LabelsOf<Name>];

export interface Counter<Name extends CounterName> {
  add(amount: number, ...labels: Given<Name>): void;
  value(...labels: Given<Name>): number;
}

/**
 * Figures of one service, or of all services of one process that are given the same registry; their names, kinds and labels
 * stand in `metricCatalogue`. Asking again for a counter gives the one that is there.
 */
export interface Metrics {
  counter<Name extends CounterName>(name: Name): Counter<Name>;
  /** Calls `read` at each scrape. */
  observe<Name extends MetricName>(name: Name, read: () => number, ...labels: Given<Name>): void;
  /** Prometheus text exposition format 0.0.4. */
  text(): string;
}

interface Family {
  readonly samples: Map<string, number>;
  readonly reads: Map<string, () => number>;
}

export function createMetrics(): Metrics {
  const families = new Map<MetricName, Family>();

  function family(name: MetricName): Family {
    const found = families.get(name) ?? { samples: new Map<string, number>(), reads: new Map<string, () => number>() };
    families.set(name, found);
    return found;
  }

  return {
    counter: (name) => {
      const { samples } = family(name);
      return {
        add: (amount, ...labels) => {
          const key = labelText(labels[0]);
          samples.set(key, (samples.get(key) ?? 0) + amount);
        },
        value: (...labels) => samples.get(labelText(labels[0])) ?? 0,
      };
    },
    observe: (name, read, ...labels) => void family(name).reads.set(labelText(labels[0]), read),
    text: () => [...families].map(([name, entry]) => familyText(name, entry)).join(''),
  };
}

/** Publishes what this process uses of its machine, under the names that Prometheus' own clients use. */
export function watchProcess(metrics: Metrics): void {
  metrics.observe('process_cpu_seconds_total', () => (process.cpuUsage().user + process.cpuUsage().system) / 1e6);
  metrics.observe('process_resident_memory_bytes', () => process.memoryUsage.rss());
  metrics.observe('nodejs_heap_size_used_bytes', () => process.memoryUsage().heapUsed);
  metrics.observe('nodejs_heap_size_limit_bytes', () => getHeapStatistics().heap_size_limit);
  const startedAt = Date.now() / 1000 - process.uptime();
  metrics.observe('process_start_time_seconds', () => startedAt);
}

/** How long the longest delay of the event loop is shown at least. */
const DELAY_SHOWN_MS = 30_000;

/** Publishes how late this process's event loop runs, in seconds. */
export function watchEventLoopDelay(metrics: Metrics): () => void {
  const histogram = monitorEventLoopDelay({ resolution: 20 });
  histogram.enable();
  const highest = new HighestOfWindow(
    () => {
      const seconds = histogram.max / 1e9;
      histogram.reset();
      return seconds;
    },
    DELAY_SHOWN_MS,
    () => performance.now(),
  );
  metrics.observe('drover_event_loop_delay_seconds', () => highest.read());
  return () => void histogram.disable();
}

/**
 * The highest value of the last while, however often it is read: a client that reads all the time hides nothing from another. A value is
 * shown for one to two windows, and later only where it was not read in between.
 */
export class HighestOfWindow {
  readonly #take: () => number;
  readonly #windowMs: number;
  readonly #clockMs: () => number;
  #before = 0;
  #now = 0;
  #begunAtMs: number;

  /** @param take gives the highest value since it was called before. */
  constructor(take: () => number, windowMs: number, clockMs: () => number) {
    this.#take = take;
    this.#windowMs = windowMs;
    this.#clockMs = clockMs;
    this.#begunAtMs = clockMs();
  }

  read(): number {
    const nowMs = this.#clockMs();
    const passedMs = nowMs - this.#begunAtMs;
    if (passedMs >= this.#windowMs) {
      this.#before = passedMs < 2 * this.#windowMs ? this.#now : 0;
      this.#now = 0;
      this.#begunAtMs = nowMs;
    }
    this.#now = Math.max(this.#now, this.#take());
    return Math.max(this.#before, this.#now);
  }
}

function familyText(name: MetricName, { samples, reads }: Family): string {
  const { kind, help } = metricCatalogue[name];
  const lines = [`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`];
  for (const [labels, value] of samples) lines.push(`${name}${labels} ${value}`);
  for (const [labels, read] of reads) lines.push(`${name}${labels} ${read()}`);
  return `${lines.join('\n')}\n`;
}

function labelText(labels: Readonly<Record<string, string>> | undefined): string {
  if (labels === undefined) return '';
  const pairs = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${pairs.map(([name, value]) => `${name}="${escapeLabel(value)}"`).join(',')}}`;
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
