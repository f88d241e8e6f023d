import { describe, expect, it } from '@jest/globals';
import { vmIdSchema, vmSubject, type VmReport } from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';
import { ChangeReports } from './change-reports.js';
import type { ReportLane } from './report-lane.reconciler.js';

const vmId = vmIdSchema.parse(derivedId('vm', 'a'));
const generation = { epoch: 1, n: 1 };
const rebooted = { kind: 'vm-changed', vmId, powerState: 'RUNNING', change: 'rebooted', cause: 'guest' } as const;

describe('reports of changes', () => {
  it('tell how often a guest has booted again since the report before', async () => {
    const reports: VmReport[] = [];
    let requested = 0;
    const changes = new ChangeReports({
      lane: { append: (report: VmReport) => Promise.resolve(void reports.push(report)) } as unknown as ReportLane,
      clock: { monotonicMs: () => 1_000, epochMs: () => 0 },
      stop: new AbortController().signal,
      generationOf: (id) => (id === vmId ? generation : undefined),
      requestFullList: () => (requested += 1),
    });
    for (let reboot = 0; reboot < 5; reboot += 1) await changes.report(rebooted);
    await changes.tellDue(61_000);
    const { vmId: id, ...change } = rebooted;
    const told = { ...change, subject: vmSubject(id), generation };
    expect(reports).toEqual([told, { ...told, count: 4 }]);
    await changes.report({ ...rebooted, vmId: vmIdSchema.parse(derivedId('vm', 'unknown')) });
    expect([reports.length, requested]).toEqual([2, 1]);
  });
});
