import type { UnderWay, VmId } from '@drover/contracts';
import type { TakenOrder } from '../journal/journal.state.js';

/**
 * What this host is still at with a VM, by its orders that have no end yet. One of them that is being undone counts before all
 * others: what is seen of the VM then is what it takes back.
 */
export function underWay(orders: Iterable<TakenOrder>, vmId: VmId): UnderWay | undefined {
  let found: UnderWay | undefined;
  for (const { order, progress } of orders) {
    if (order.subject.id !== vmId) continue;
    if (progress?.failure !== undefined) return 'undoing';
    found = 'forward';
  }
  return found;
}
