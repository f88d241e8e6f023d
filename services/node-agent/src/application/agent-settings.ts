/** What an agent is told of its host, in addition to what its hypervisor tells. */
export interface HostSettings {
  readonly name: string;
  readonly machineId: string;
  /** Given by its kernel at each boot. */
  readonly bootId: string;
  /** Kept for the host and never given to VMs. Absent: by the size of the host, and what the control plane takes there. */
  readonly reservedMemoryMiB?: number;
  /** What runs of the control plane on this host takes of its memory. */
  readonly controlPlaneMemoryMiB: number;
  /** MiB that VMs may be given per MiB that is left for them. */
  readonly memoryOvercommitRatio: number;
}

export interface AgentTimings {
  /** Between full lists. */
  readonly fullListIntervalMs: number;
  readonly loadIntervalMs: number;
  /** Between looks at what the host is made of, for what is not signalled: images, pools that are back. */
  readonly inventoryIntervalMs: number;
  /** How long a step is tried again while the hypervisor cannot be reached. */
  readonly hypervisorPatienceMs: number;
  /** How long another agent with this host id may at least count as alive after a restart of this one; longer where the refusal says so. */
  readonly hostIdPatienceMs: number;
  /** Between looks at a guest that was asked to stop or reboot; its signal usually comes first. */
  readonly guestPollMs: number;
  /** Between requests to a guest that does not react: one that is still booting has not heard the first. */
  readonly askGuestAgainMs: number;
  /** First wait before something is tried again; doubles up to 30 times of it. */
  readonly retryMs: number;
}

export interface AgentLimits {
  /** Calls to the hypervisor at the same time, for orders. */
  readonly parallelCalls: number;
  /** Of them, starts. */
  readonly parallelStarts: number;
}

export interface AgentSettings {
  readonly host: HostSettings;
  readonly agentVersion: string;
  readonly timings: AgentTimings;
  readonly limits: AgentLimits;
}

export const defaultTimings: AgentTimings = {
  fullListIntervalMs: 60_000,
  loadIntervalMs: 5_000,
  inventoryIntervalMs: 45_000,
  hypervisorPatienceMs: 30_000,
  hostIdPatienceMs: 15_000,
  guestPollMs: 2_000,
  askGuestAgainMs: 10_000,
  retryMs: 250,
};

export const defaultLimits: AgentLimits = { parallelCalls: 16, parallelStarts: 4 };
