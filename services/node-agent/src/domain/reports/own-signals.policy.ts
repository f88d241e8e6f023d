import type { HostCommand, VmChanged } from '@drover/contracts';

export type Change = VmChanged['change'];

/**
 * What the hypervisor signals because of a command of ours. The end of the command reports it, so the signal says nothing
 * new. A stop may be told as the guest's own, a reset as a reboot.
 */
const caused: Readonly<Record<HostCommand['kind'], readonly Change[]>> = {
  create: ['started', 'resumed', 'stopped', 'removed'],
  start: ['started', 'resumed'],
  stop: ['stopped', 'paused'],
  reboot: ['rebooted', 'resumed'],
  reset: ['rebooted', 'resumed'],
  pause: ['paused'],
  resume: ['resumed'],
  delete: ['stopped', 'removed'],
};

export function isCausedBy(kind: HostCommand['kind'], change: Change): boolean {
  return caused[kind].includes(change);
}
