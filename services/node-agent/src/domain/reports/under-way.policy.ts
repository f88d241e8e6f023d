import type { UnderWay, VmId } from '@drover/contracts';
import type { TakenCommand } from '../journal/journal.state.js';

/**
 * What this host is still at with a VM, by its commands that have no end yet. One of them that is being undone counts before all
 * others: what is seen of the VM then is what it takes back.
 */
export function underWay(commands: Iterable<TakenCommand>, vmId: VmId): UnderWay | undefined {
  let found: UnderWay | undefined;
  for (const { command, progress } of commands) {
    if (command.vmId !== vmId) continue;
    if (progress?.failure !== undefined) return 'undoing';
    found = 'forward';
  }
  return found;
}
