import {
  errors,
  compareGenerations,
  type FleetId,
  type Generation,
  type VmOrder,
  type PowerState,
  type Rejection,
} from '@drover/contracts';
import { isActive } from '../capacity/capacity.policy.js';
import { orderTraits } from './order-steps.policy.js';

export interface ObservedOwner {
  readonly powerState: PowerState;
  readonly mark?: { readonly fleetId: FleetId; readonly generation: Generation };
  /** A process of the VM runs that the hypervisor's daemon does not know. */
  readonly isUntracked?: boolean;
}

type TouchingOrder = Pick<VmOrder, 'generation' | 'kind'> & { readonly mode?: 'graceful' | 'force' };

/**
 * Why an order may not touch what is there under its VM's id (safety.md 9).
 *
 * An older copy that does not run is taken over by an order that defines it anew or removes it: the VM was given to this host
 * again. Any other order would pass the old definition off as the newest. A copy that runs is left to a person.
 */
export function refusalToTouch(fleetId: FleetId, order: TouchingOrder, observed: ObservedOwner): Rejection | undefined {
  const { isUntracked = false, mark, powerState } = observed;
  if (isUntracked) return isForcedStop(order) ? undefined : besideUntracked;
  if (powerState === 'ABSENT') return undefined;
  if (mark?.fleetId !== fleetId) {
    return errors.DOMAIN_FOREIGN(
      'The host has a domain with the id of this VM that is not of this fleet; it was left alone.',
    );
  }
  const age = compareGenerations(mark.generation, order.generation);
  const data = { found: mark.generation, ordered: order.generation };
  if (age > 0) return errors.SUPERSEDED('The host holds a newer generation of this VM.', { data });
  if (age < 0 && (isActive(powerState) || !takingOver.has(order.kind))) {
    const does = isActive(powerState) ? 'runs' : 'is defined';
    return errors.VM_WRONG_STATE(`An older generation of this VM ${does} on the host; it was left alone.`, { data });
  }
  return undefined;
}

/**
 * The power state of the VM itself. A domain of another fleet that has its id says nothing of it: the VM is then not there. Of an
 * older copy that runs nothing is said, because no start of this generation made it run.
 */
export function ownPowerState(fleetId: FleetId, order: TouchingOrder, observed: ObservedOwner): PowerState {
  const { isUntracked = false, mark, powerState } = observed;
  if (powerState === 'ABSENT' || isUntracked) return powerState;
  if (mark?.fleetId !== fleetId) return 'ABSENT';
  const isOlder = compareGenerations(mark.generation, order.generation) < 0;
  return isOlder && isActive(powerState) ? 'UNRESPONSIVE' : powerState;
}

/** What is done next to a process that the daemon does not know would be done to a running VM. */
const besideUntracked: Rejection = errors.VM_UNTRACKED(
  'A process of this VM runs on the host and libvirt does not know of it. Nothing was started next to it, and no disk was ' +
    'deleted under it. Force-stop the VM: that ends the process.',
);

/** A person's word, and the only order that ends such a process. */
function isForcedStop(order: TouchingOrder): boolean {
  return order.kind === 'stop' && order.mode === 'force';
}

const takingOver: ReadonlySet<VmOrder['kind']> = new Set(['create', 'start', 'delete'] as const);

/** Why an order makes no sense in the state the VM is in. "Already so" is no reason: the order is then done. */
export function refusalInState(kind: VmOrder['kind'], powerState: PowerState): Rejection | undefined {
  const allowed = orderTraits[kind].needs;
  if (allowed === undefined || allowed.includes(powerState)) return undefined;
  return errors.VM_WRONG_STATE(`The VM is ${powerState}; ${kind} needs ${allowed.join(' or ')}.`, {
    data: { powerState },
  });
}
