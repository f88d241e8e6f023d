import { monitorEventLoopDelay } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';

export type Labels = Readonly<Record<string, string>>;

export interface Counter {
  add(amount?: number, labels?: Labels): void;
  value(labels?: Labels): number;
}

export interface Gauge {
  set(value: number, labels?: Labels): void;
}

/**
 * Figures of one service, or of all services of one process that are given the same registry. Asking again for a name
 * gives the metric that is there.
 */
export interface Metrics {
  /** Only grows; by convention the name ends with `_total`. */
  counter(name: string, help: string): Counter;
  gauge(name: string, help: string): Gauge;
  /** Read when somebody looks. What only grows is a counter. */
  observe(name: string, help: string, read: () => number, kind?: 'counter' | 'gauge'): void;
  /** Prometheus text exposition format 0.0.4. */
  text(): string;
}

interface Family {
  readonly kind: 'counter' | 'gauge';
  readonly help: string;
  readonly samples: Map<string, number>;
  read?: () => number;
}

export function createMetrics(): Metrics {
  const families = new Map<string, Family>();

  function family(name: string, kind: Family['kind'], help: string): Family {
    if (!/^[a-z][a-z0-9_]*$/.test(name)) throw new Error(`not a metric name: ${name}`);
    let found = families.get(name);
    if (found === undefined) {
      found = { kind, help, samples: new Map() };
      families.set(name, found);
    }
    if (found.kind !== kind) throw new Error(`metric ${name} is a ${found.kind} already`);
    return found;
  }

  return {
    counter: (name, help) => {
      const { samples } = family(name, 'counter', help);
      return {
        add: (amount = 1, labels) => {
          const key = labelText(labels);
          samples.set(key, (samples.get(key) ?? 0) + amount);
        },
        value: (labels) => samples.get(labelText(labels)) ?? 0,
      };
    },
    gauge: (name, help) => {
      const { samples } = family(name, 'gauge', help);
      return { set: (value, labels) => void samples.set(labelText(labels), value) };
    },
    observe: (name, help, read, kind = 'gauge') => {
      family(name, kind, help).read = read;
    },
    text: () => [...families].map(([name, entry]) => familyText(name, entry)).join(''),
  };
}

/** Publishes what this process uses of its machine, under the names that Prometheus' own clients use. */
export function watchProcess(metrics: Metrics): void {
  const cpuSeconds = () => (process.cpuUsage().user + process.cpuUsage().system) / 1e6;
  metrics.observe('process_cpu_seconds_total', 'User and system CPU time spent', cpuSeconds, 'counter');
  metrics.observe('process_resident_memory_bytes', 'Resident memory', () => process.memoryUsage.rss());
  metrics.observe('nodejs_heap_size_used_bytes', 'Heap in use', () => process.memoryUsage().heapUsed);
  metrics.observe('nodejs_heap_size_limit_bytes', 'Largest heap', () => getHeapStatistics().heap_size_limit);
  const startedAt = Date.now() / 1000 - process.uptime();
  metrics.observe('process_start_time_seconds', 'Start of the process since the Unix epoch', () => startedAt);
}

/** Publishes how late this process's event loop runs, in seconds; the highest since it was last read. */
export function watchEventLoopDelay(metrics: Metrics): () => void {
  const histogram = monitorEventLoopDelay({ resolution: 20 });
  histogram.enable();
  metrics.observe('drover_event_loop_delay_seconds', 'Longest delay of the event loop since the last reading', () => {
    const seconds = histogram.max / 1e9;
    histogram.reset();
    return seconds;
  });
  return () => void histogram.disable();
}

function familyText(name: string, entry: Family): string {
  const lines = [
    `# HELP ${name} ${entry.help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}`,
    `# TYPE ${name} ${entry.kind}`,
  ];
  for (const [labels, value] of entry.samples) lines.push(`${name}${labels} ${value}`);
  if (entry.read !== undefined) lines.push(`${name} ${entry.read()}`);
  return `${lines.join('\n')}\n`;
}

function labelText(labels: Labels | undefined): string {
  if (labels === undefined) return '';
  const pairs = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${pairs.map(([name, value]) => `${name}="${escapeLabel(value)}"`).join(',')}}`;
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
