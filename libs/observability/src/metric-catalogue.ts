interface MetricEntry {
  /** A counter only grows until its process ends, and its name ends with `_total`; a gauge is read at each scrape. */
  readonly kind: 'counter' | 'gauge';
  readonly unit: string;
  /** Name and meaning of each label. */
  readonly labels: Readonly<Record<string, string>>;
  readonly help: string;
}

const counter = <const Labels extends Record<string, string>>(unit: string, help: string, labels: Labels) => ({
  ...{ kind: 'counter' as const, unit, labels, help },
});
const gauge = <const Labels extends Record<string, string>>(unit: string, help: string, labels: Labels) => ({
  ...{ kind: 'gauge' as const, unit, labels, help },
});

const pattern = { pattern: 'subject pattern that the process listens to' };
const service = { service: 'name of the service' };
const model = { model: 'the resource that the model shows' };

/** Every metric of every process; `docs/reference/metrics.md` is made from it. A name is never reused with another meaning. */
export const metricCatalogue = {
  drover_active: gauge('0 or 1', '1 on the replica that holds the lease of its service and serves', service),
  drover_snapshot_position: gauge('position', 'Position of the newest snapshot that was loaded or saved', service),

  drover_vm_manager_vms: gauge('VMs', 'VMs that vm-manager keeps in memory', {}),
  drover_vm_manager_open_operations: gauge('operations', 'Operations that have not ended', {}),
  drover_vm_manager_hosts_over_budget: gauge(
    'hosts',
    'Hosts that in the last ten minutes reported more changes by themselves than are recorded, or sent more reports than are worked on; health and log name them',
    {},
  ),
  drover_vm_manager_facts_refused_total: counter(
    'changes',
    'Changes that were not recorded because their host or VM was over its budget',
    {},
  ),
  drover_vm_manager_reports_refused_total: counter(
    'reports',
    'Reports that were not worked on because their host was over its budget; it sends them again',
    {},
  ),
  drover_scheduler_hosts: gauge('hosts', 'Hosts that the scheduler knows', {}),
  drover_scheduler_reserved_vms: gauge('VMs', 'VMs for which capacity is reserved', {}),
  drover_ha_manager_hosts: gauge('hosts', 'Hosts that are registered', {}),
  drover_ha_manager_suspected_hosts: gauge('hosts', 'Hosts that do not answer', {}),
  drover_ha_manager_cloned_hosts: gauge('hosts', 'Hosts whose id a second machine uses', {}),
  drover_ha_manager_hypervisor_lost_hosts: gauge('hosts', 'Hosts whose agent cannot reach its hypervisor', {}),
  drover_hosts_shut_out: gauge('hosts', 'Hosts whose credentials are revoked', {}),

  drover_projected_events: gauge('events', 'Events that the model was made of', model),
  drover_things_not_shown: gauge('streams', 'VMs, hosts, … with an event that the model could not take', model),
  drover_read_model_outdated: gauge('0 or 1', '1 while a newer release writes the model', model),
  drover_read_model_failed: gauge('0 or 1', '1 while the model stands still', model),

  drover_messages_unreadable_total: counter('messages', 'Messages kept as dead letters', pattern),
  drover_message_handler_failures_total: counter('messages', 'Messages whose handler threw', pattern),
  drover_messages_refused_total: counter('messages', 'Messages dropped unread', {
    ...pattern,
    reason: 'why, such as `lane-full` (its sender has too much waiting) or `expired`',
  }),
  drover_messages_dropped_total: counter('messages', 'Messages not published for want of a connection', {}),
  drover_orders_refused_total: counter('orders', 'Orders and tables without a valid signature of vm-manager', {
    purpose: 'what was signed',
    reason: '`unsigned`, `unknown-key`, `wrong-signature` or `not-json`',
  }),
  drover_relayed_events_total: counter('events', 'Events published for external tools', {}),

  drover_event_loop_delay_seconds: gauge(
    'seconds',
    'Longest delay of the event loop in the last half minute or more, however often it is read',
    {},
  ),
  process_cpu_seconds_total: counter('seconds', 'User and system CPU time of the process', {}),
  process_resident_memory_bytes: gauge('bytes', 'Resident memory of the process', {}),
  process_start_time_seconds: gauge('seconds', 'Start of the process, in seconds since the Unix epoch', {}),
  nodejs_heap_size_used_bytes: gauge('bytes', 'Heap in use', {}),
  nodejs_heap_size_limit_bytes: gauge('bytes', 'Largest heap that the process may have', {}),
} as const satisfies Record<string, MetricEntry>;

export type MetricName = keyof typeof metricCatalogue;
export type CounterName = {
  [Name in MetricName]: (typeof metricCatalogue)[Name]['kind'] extends 'counter' ? Name : never;
}[MetricName];

/** A value for each label that the catalogue names for a metric. */
export type LabelsOf<Name extends MetricName> = Readonly<
  Record<keyof (typeof metricCatalogue)[Name]['labels'] & string, string>
>;
