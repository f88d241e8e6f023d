/** Libvirt's flags and states by name. Flags of one group combine with `|`. */

export const listDomains = {
  active: 1,
  inactive: 2,
  persistent: 4,
  transient: 8,
  running: 16,
  paused: 32,
  shutoff: 64,
} as const;

export const domainStates = {
  noState: 0,
  running: 1,
  blocked: 2,
  paused: 3,
  shutdown: 4,
  shutoff: 5,
  crashed: 6,
  pmSuspended: 7,
} as const;

/** Why a domain is paused; a disk error and an operator's wish look the same in the state alone. */
export const pausedReasons = {
  unknown: 0,
  user: 1,
  migration: 2,
  save: 3,
  dump: 4,
  ioError: 5,
  watchdog: 6,
  fromSnapshot: 7,
  shuttingDown: 8,
  snapshot: 9,
  crashed: 10,
  startingUp: 11,
  postCopy: 12,
  postCopyFailed: 13,
} as const;

export const shutoffReasons = {
  unknown: 0,
  shutdown: 1,
  destroyed: 2,
  crashed: 3,
  migrated: 4,
  saved: 5,
  failed: 6,
  fromSnapshot: 7,
  daemon: 8,
} as const;

export const defineFlags = { validate: 1 } as const;
export const createFlags = { paused: 1, autodestroy: 2, bypassCache: 4, forceBoot: 8, validate: 16 } as const;
export const undefineFlags = {
  managedSave: 1,
  snapshotsMetadata: 2,
  nvram: 4,
  keepNvram: 8,
  checkpointsMetadata: 16,
  tpm: 32,
  keepTpm: 64,
} as const;
export const shutdownFlags = { acpi: 1, agent: 2, initctl: 4, signal: 8, paravirt: 16 } as const;
export const rebootFlags = shutdownFlags;
/** `graceful` fails rather than kill a QEMU that does not go by itself. */
export const destroyFlags = { graceful: 1, removeLogs: 2 } as const;
export const xmlFlags = { secure: 1, inactive: 2, updateCpu: 4, migratable: 8 } as const;
/** Which of a domain's two definitions a change concerns. */
export const affects = { current: 0, live: 1, config: 2 } as const;
export const vcpuFlags = { current: 0, live: 1, config: 2, maximum: 4, guest: 8, hotpluggable: 16 } as const;
export const memoryFlags = { current: 0, live: 1, config: 2, maximum: 4 } as const;
export const metadataTypes = { description: 0, title: 1, element: 2 } as const;

/** Groups of bulk statistics. `balloon`, `cpuTotal`, `vcpu` and `block` ask each running QEMU; the others do not. */
export const statsGroups = {
  state: 1,
  cpuTotal: 2,
  balloon: 4,
  vcpu: 8,
  interface: 16,
  block: 32,
  perf: 64,
  iothread: 128,
  memory: 256,
  dirtyRate: 512,
  vm: 1024,
} as const;
export const statsFlags = {
  active: 1,
  inactive: 2,
  persistent: 4,
  transient: 8,
  running: 16,
  paused: 32,
  shutoff: 64,
  /** Leaves out what a busy or hung QEMU would make us wait for. Without it one hung guest holds up the whole answer. */
  nowait: 0x20000000,
  backing: 0x40000000,
  enforce: 0x80000000,
} as const;
/** Wanted by calls that get parameters and may answer with strings; bulk statistics refuse it. */
export const typedParamStringOkay = 4;

export const agentTimeouts = { block: -2, default: -1, noWait: 0 } as const;
export const monitorFlags = { json: 0, hmp: 1 } as const;

export const migrateFlags = {
  live: 1,
  peerToPeer: 2,
  tunnelled: 4,
  persistDestination: 8,
  undefineSource: 16,
  paused: 32,
  nonSharedDisk: 64,
  nonSharedIncremental: 128,
  changeProtection: 256,
  unsafe: 512,
  offline: 1024,
  compressed: 2048,
  abortOnError: 4096,
  autoConverge: 8192,
  rdmaPinAll: 16384,
  postCopy: 32768,
  tls: 65536,
  parallel: 131072,
} as const;

export const snapshotCreateFlags = {
  redefine: 1,
  current: 2,
  noMetadata: 4,
  halt: 8,
  diskOnly: 16,
  reuseExternal: 32,
  quiesce: 64,
  atomic: 128,
  live: 256,
  validate: 512,
} as const;
export const snapshotRevertFlags = { running: 1, paused: 2, force: 4, resetNvram: 8 } as const;
export const snapshotDeleteFlags = { children: 1, metadataOnly: 2, childrenOnly: 4 } as const;

export const poolStates = { inactive: 0, building: 1, running: 2, degraded: 3, inaccessible: 4 } as const;
export const listPools = {
  inactive: 1,
  active: 2,
  persistent: 4,
  transient: 8,
  autostart: 16,
  noAutostart: 32,
} as const;
export const volumeTypes = { file: 0, block: 1, dir: 2, network: 3, netdir: 4, ploop: 5 } as const;
export const volumeCreateFlags = { preallocateMetadata: 1, reflink: 2, validate: 4 } as const;
export const volumeResizeFlags = { allocate: 1, delta: 2, shrink: 4 } as const;

export const listNetworks = {
  inactive: 1,
  active: 2,
  persistent: 4,
  transient: 8,
  autostart: 16,
  noAutostart: 32,
} as const;
export const listNodeDevices = {
  system: 1,
  pci: 2,
  usbDevice: 4,
  usbInterface: 8,
  net: 16,
  scsiHost: 32,
  scsiTarget: 64,
  scsi: 128,
  storage: 256,
  mdevTypes: 2048,
  mdev: 4096,
} as const;

/** `event` of a domain's `lifecycle` event. */
export const lifecycleEvents = {
  defined: 0,
  undefined: 1,
  started: 2,
  suspended: 3,
  resumed: 4,
  stopped: 5,
  shutdown: 6,
  pmSuspended: 7,
  crashed: 8,
} as const;

/** Bits of libvirt's version numbers: 9.0.0 is 9000000. */
export function versionText(version: number | bigint): string {
  const number = Number(version);
  return `${Math.floor(number / 1_000_000)}.${Math.floor(number / 1000) % 1000}.${number % 1000}`;
}
