import type { HostOrder, VmChanged } from '@drover/contracts';

export type Change = VmChanged['change'];

/**
 * What the hypervisor signals because of an order of ours. The end of the order reports it, so the signal says nothing
 * new. A stop may be told as the guest's own, a reset as a reboot.
 */
const caused: Readonly<Record<HostOrder['kind'], readonly Change[]>> = {
  create: ['started', 'resumed', 'stopped', 'removed'],
  start: ['started', 'resumed'],
  stop: ['stopped', 'paused'],
  reboot: ['rebooted', 'resumed'],
  reset: ['rebooted', 'resumed'],
  pause: ['paused'],
  resume: ['resumed'],
  delete: ['stopped', 'removed'],
};

export function isCausedBy(kind: HostOrder['kind'], change: Change): boolean {
  return caused[kind].includes(change);
}
