import type { PowerState } from '@drover/contracts';
import type { HypervisorSignal } from '@drover/hypervisor';

/**
 * Libvirt's numbers for the state of a domain and for its lifecycle events, in Drover's words.
 * Source: https://libvirt.org/html/libvirt-libvirt-domain.html, `virDomainState` and `virDomainEventType`.
 */

/** `virDomainState`. A guest that is powering off still runs; one in ACPI sleep keeps its memory, as a paused one does. */
export function powerStateOf(state: number): PowerState {
  switch (state) {
    case 1: // running
    case 2: // blocked on a resource
    case 4: // shutting down
      return 'RUNNING';
    case 3: // paused
    case 7: // suspended by guest power management
      return 'PAUSED';
    case 5: // shut off
      return 'STOPPED';
    case 6: // crashed and kept for inspection
      return 'CRASHED';
    default:
      return 'UNRESPONSIVE';
  }
}

/** Whether libvirt knows a process of such a domain. */
export function isActive(powerState: PowerState): boolean {
  return powerState === 'RUNNING' || powerState === 'PAUSED' || powerState === 'UNRESPONSIVE';
}

type DomainChange = Pick<Extract<HypervisorSignal, { kind: 'vm-changed' }>, 'powerState' | 'change' | 'cause'>;

const EVENT = { undefined: 1, started: 2, suspended: 3, resumed: 4, stopped: 5, pmSuspended: 7, crashed: 8 } as const;
/** The event that a definition was removed. */
export const UNDEFINED = EVENT.undefined;
const STOPPED_DETAIL = { shutdown: 0, destroyed: 1, crashed: 2, failed: 5 } as const;
const SUSPENDED_BY_IO_ERROR = 2;
const UNDEFINED_BY_REMOVAL = 0;

/** What a lifecycle event says; undefined where it says nothing of the power state (defined, renamed, shutdown begun). */
export function changeOfLifecycle(event: number, detail: number): DomainChange | undefined {
  switch (event) {
    case EVENT.started:
      return { powerState: 'RUNNING', change: 'started', cause: 'outside' };
    case EVENT.suspended:
      return detail === SUSPENDED_BY_IO_ERROR
        ? { powerState: 'PAUSED', change: 'io-error', cause: 'host' }
        : { powerState: 'PAUSED', change: 'paused', cause: 'outside' };
    case EVENT.pmSuspended:
      return { powerState: 'PAUSED', change: 'paused', cause: 'guest' };
    case EVENT.resumed:
      return { powerState: 'RUNNING', change: 'resumed', cause: 'outside' };
    case EVENT.stopped:
      return { powerState: 'STOPPED', change: 'stopped', cause: causeOfStop(detail) };
    case EVENT.crashed:
      return { powerState: 'CRASHED', change: 'crashed', cause: 'crash' };
    case EVENT.undefined:
      return detail === UNDEFINED_BY_REMOVAL
        ? { powerState: 'ABSENT', change: 'removed', cause: 'outside' }
        : undefined;
    default:
      return undefined;
  }
}

/**
 * `virDomainShutoffReason`. Libvirt remembers it only while it runs itself: of a domain that was gone when it started it says
 * nothing, and then the host or its libvirt has been restarted.
 */
export function causeOfShutoff(reason: number): DomainChange['cause'] {
  switch (reason) {
    case 1: // shut down by its guest
      return 'guest';
    case 2: // destroyed
    case 4: // migrated
    case 5: // saved
    case 7: // reverted to a snapshot that does not run
      return 'outside';
    case 3: // crashed
    case 6: // failed to start
      return 'crash';
    default:
      return 'host';
  }
}

/** `failed` is what libvirt says when the QEMU process died under it. */
function causeOfStop(detail: number): DomainChange['cause'] {
  switch (detail) {
    case STOPPED_DETAIL.shutdown:
      return 'guest';
    case STOPPED_DETAIL.crashed:
    case STOPPED_DETAIL.failed:
      return 'crash';
    case STOPPED_DETAIL.destroyed:
      return 'outside';
    default:
      return 'host';
  }
}
