import type { VmOrder, VmChanged } from '@drover/contracts';
import { orderTraits } from '../orders/order-steps.policy.js';

export type Change = VmChanged['change'];

/** Whether the hypervisor signals this because of an order of ours. The end of the order reports it, so the signal says nothing new. */
export function isCausedBy(kind: VmOrder['kind'], change: Change): boolean {
  return orderTraits[kind].causes.includes(change);
}
