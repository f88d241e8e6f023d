import { isKnownEvent, kindOfStream, vmKind, type StoredEvent, type StoredVmEvent } from '@drover/contracts';

export function isVmEvent(event: StoredEvent): event is StoredVmEvent {
  return kindOfStream(event.stream) === vmKind.name && isKnownEvent(event);
}
