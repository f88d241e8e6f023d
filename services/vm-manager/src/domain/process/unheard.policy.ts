import type { HostId, OperationId, VmFact } from '@drover/contracts';

/**
 * An operation's time has passed and its host cannot be heard: what it does or has done is not known, so the operation neither fails
 * nor is undone. It waits for the host, or for a person who ends it.
 */
export function unheardFact(
  operationId: OperationId,
  hostId: HostId,
  since: string | undefined,
  thing: 'VM' | 'image',
): Extract<VmFact, { readonly type: 'OperationDelayed' }> {
  const heard =
    since === undefined ? 'has not been heard since this vm-manager took over' : `was last heard at ${since}`;
  const detail = `host ${hostId} ${heard}; the operation goes on when it is heard again, or ends when it is cancelled or the ${thing} is deleted`;
  const told = since === undefined ? {} : { since };
  return { type: 'OperationDelayed', data: { operationId, hostId, because: 'host-unheard', ...told, detail } };
}
