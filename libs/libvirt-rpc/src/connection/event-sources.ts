/** The events one can listen to: how each is registered for, and which message then arrives. */
import type { EventBody, EventName } from '../procedures/table.js';

interface EventSource {
  readonly kind: 'domain' | 'network' | 'storagePool' | 'monitor';
  /** Libvirt's number of the event within its kind. */
  readonly id: number;
  readonly message: EventName;
}

function source<Message extends EventName>(kind: EventSource['kind'], id: number, message: Message) {
  return { kind, id, message } as const;
}

export const eventSources = {
  lifecycle: source('domain', 0, 'DOMAIN_EVENT_CALLBACK_LIFECYCLE'),
  reboot: source('domain', 1, 'DOMAIN_EVENT_CALLBACK_REBOOT'),
  rtcChange: source('domain', 2, 'DOMAIN_EVENT_CALLBACK_RTC_CHANGE'),
  watchdog: source('domain', 3, 'DOMAIN_EVENT_CALLBACK_WATCHDOG'),
  ioError: source('domain', 4, 'DOMAIN_EVENT_CALLBACK_IO_ERROR'),
  graphics: source('domain', 5, 'DOMAIN_EVENT_CALLBACK_GRAPHICS'),
  ioErrorReason: source('domain', 6, 'DOMAIN_EVENT_CALLBACK_IO_ERROR_REASON'),
  controlError: source('domain', 7, 'DOMAIN_EVENT_CALLBACK_CONTROL_ERROR'),
  blockJob: source('domain', 8, 'DOMAIN_EVENT_CALLBACK_BLOCK_JOB'),
  diskChange: source('domain', 9, 'DOMAIN_EVENT_CALLBACK_DISK_CHANGE'),
  trayChange: source('domain', 10, 'DOMAIN_EVENT_CALLBACK_TRAY_CHANGE'),
  pmWakeup: source('domain', 11, 'DOMAIN_EVENT_CALLBACK_PMWAKEUP'),
  pmSuspend: source('domain', 12, 'DOMAIN_EVENT_CALLBACK_PMSUSPEND'),
  balloonChange: source('domain', 13, 'DOMAIN_EVENT_CALLBACK_BALLOON_CHANGE'),
  pmSuspendDisk: source('domain', 14, 'DOMAIN_EVENT_CALLBACK_PMSUSPEND_DISK'),
  deviceRemoved: source('domain', 15, 'DOMAIN_EVENT_CALLBACK_DEVICE_REMOVED'),
  blockJob2: source('domain', 16, 'DOMAIN_EVENT_BLOCK_JOB_2'),
  tunable: source('domain', 17, 'DOMAIN_EVENT_CALLBACK_TUNABLE'),
  agentLifecycle: source('domain', 18, 'DOMAIN_EVENT_CALLBACK_AGENT_LIFECYCLE'),
  deviceAdded: source('domain', 19, 'DOMAIN_EVENT_CALLBACK_DEVICE_ADDED'),
  migrationIteration: source('domain', 20, 'DOMAIN_EVENT_CALLBACK_MIGRATION_ITERATION'),
  jobCompleted: source('domain', 21, 'DOMAIN_EVENT_CALLBACK_JOB_COMPLETED'),
  deviceRemovalFailed: source('domain', 22, 'DOMAIN_EVENT_CALLBACK_DEVICE_REMOVAL_FAILED'),
  metadataChange: source('domain', 23, 'DOMAIN_EVENT_CALLBACK_METADATA_CHANGE'),
  blockThreshold: source('domain', 24, 'DOMAIN_EVENT_BLOCK_THRESHOLD'),
  memoryFailure: source('domain', 25, 'DOMAIN_EVENT_MEMORY_FAILURE'),
  memoryDeviceSizeChange: source('domain', 26, 'DOMAIN_EVENT_MEMORY_DEVICE_SIZE_CHANGE'),
  networkLifecycle: source('network', 0, 'NETWORK_EVENT_LIFECYCLE'),
  storagePoolLifecycle: source('storagePool', 0, 'STORAGE_POOL_EVENT_LIFECYCLE'),
  storagePoolRefresh: source('storagePool', 1, 'STORAGE_POOL_EVENT_REFRESH'),
  /** Every event of every QEMU monitor, untranslated. */
  monitor: source('monitor', 0, 'DOMAIN_MONITOR_EVENT'),
};

export type EventKey = keyof typeof eventSources;

// Older messages carry their fields inside `msg`, newer ones next to the callback's id; listeners see one shape.
type Flat<Body> = Body extends { readonly msg: infer Inner }
  ? Inner & Omit<Body, 'msg' | 'callbackID'>
  : Omit<Body, 'callbackID'>;

export type LibvirtEvent<Key extends EventKey> = Flat<EventBody<(typeof eventSources)[Key]['message']>>;
