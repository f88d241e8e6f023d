import { vmSubject, type FullList, type HostId, type VmChanged, type VmLaneMessage } from '@drover/contracts';
import { definition, firstGeneration, hostA, vmId } from './vm-facts.js';

export type Reports = Extract<VmLaneMessage, { kind: 'reports' }>;

/** Reports that begin at this sequence. */
export function message(from: number, reports: readonly unknown[], hostId: HostId = hostA, journalEpoch = 1): Reports {
  const at = '2026-01-01T00:00:00.000Z';
  return {
    kind: 'reports',
    hostId,
    journalEpoch,
    reports: reports.map((report, index) => ({ sequence: from + index, at, report })),
  };
}

export const stopped: VmChanged = {
  kind: 'vm-changed',
  subject: vmSubject(vmId),
  generation: firstGeneration,
  powerState: 'STOPPED',
  change: 'stopped',
  cause: 'guest',
};
export const domain = (id = vmId, powerState: 'RUNNING' | 'STOPPED' = 'RUNNING'): FullList['domains'][number] => ({
  libvirtUuid: id,
  title: 'web',
  powerState,
  vcpus: 1,
  memoryMiB: 128,
  ours: { vmId: id, generation: firstGeneration, fingerprint: definition.fingerprint },
});
export const list = (domains: FullList['domains'], part = 0, isLast = true, busy: FullList['busy'] = []): FullList => ({
  kind: 'full-list',
  part,
  isLast,
  domains,
  busy,
});
