import { beforeEach, describe, expect, it } from '@jest/globals';
import type { VmReport } from '@drover/contracts';
import { hostA, hostB, source, vmId, vmOf } from '../testing/vm-facts.js';
import { message, stopped } from '../testing/reports.js';
import { VmManagerBench } from '../testing/vm-manager-bench.js';
import { RebootMeter } from './reboot-meter.state.js';

const rebooted = (count = 1): VmReport => ({ ...stopped, powerState: 'RUNNING', change: 'rebooted', count });

describe('reboots that a host tells of', () => {
  let bench: VmManagerBench;

  const report = (from: number, reports: readonly VmReport[], hostId = hostA) =>
    bench.manager.reports.handle(message(from, reports, hostId));
  const counts = async () =>
    (await bench.events()).flatMap(({ type, data }) => (type === 'VmRebooted' ? [data.count ?? 1] : []));

  beforeEach(async () => {
    bench = await VmManagerBench.started();
    await bench.command('create', 'create');
    await bench.ended('create');
    await report(2, [rebooted()]);
  });

  it('are not counted where the VM is another host’s, nor do they stand in the way of its own', async () => {
    await report(2_000_000, [rebooted(1_000_000), rebooted(1_000_000)], hostB);
    await report(3, [rebooted(), rebooted()]);
    bench.clock.advance(60_000);
    await report(5, [rebooted()]);
    expect(await counts()).toEqual([1, 3]);
  });

  it('are no more in one event than an event holds', async () => {
    await report(3, [rebooted(1_000_000), rebooted(1_000_000)]);
    bench.clock.advance(60_000);
    await report(5, [rebooted()]);
    expect(await counts()).toEqual([1, 1_000_000]);
  });

  it('are told with the next event where they were over the budget of their host', async () => {
    bench.clock.advance(60_000);
    bench.manager.reports.facts.spend(hostA, vmId, 61);
    await report(3, [rebooted(4)]);
    bench.clock.advance(90_000);
    await report(4, [rebooted()]);
    expect(await counts()).toEqual([1, 5]);
  });

  it.each([0, 60_000])('are counted once where their report comes again, %d ms later', async (ms) => {
    bench.faultyStore.fateOf = () => 'refused';
    await expect(report(3, [rebooted(4), stopped])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    bench.faultyStore.fateOf = () => 'stored';
    bench.clock.advance(ms);
    await report(3, [rebooted(4), stopped]);
    bench.clock.advance(60_000);
    await report(5, [rebooted()]);
    expect(await counts()).toEqual(ms === 0 ? [1, 5] : [1, 4, 1]);
  });

  it('are forgotten with their VMs, and where all was told', () => {
    const gone = new Set(Array.from({ length: 600 }, (_, index) => vmOf(`gone ${index}`)));
    const meter = new RebootMeter(bench.clock, (id) => !gone.has(id));
    const told = Array.from({ length: 398 }, (_, index) => vmOf(`told ${index}`));
    const [untold, last] = [vmOf('untold'), vmOf('last')];
    for (const id of [...gone, ...told, untold]) meter.recorded(id, source(1));
    for (const id of [...gone, untold]) meter.due(id, 1, source(2));
    bench.clock.advance(60_000);
    meter.recorded(last, source(1));
    expect(meter.size).toBe(2);
    expect(meter.due(untold, 1, source(3))).toBe(2);
  });
});
