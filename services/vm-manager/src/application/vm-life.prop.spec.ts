import { describe, expect, it } from '@jest/globals';
import {
  compareGenerations,
  Fault,
  vmVerbNames,
  type OrderFinished,
  type StoredVmEvent,
  type VmCommandKind,
} from '@drover/contracts';
import fc from 'fast-check';
import { evolve } from '../domain/vm/vm-evolution.state.js';
import { initialState } from '../domain/vm/vm.state.js';
import { hostA, hostB, hostC, operationOf, vmId } from '../testing/vm-facts.js';
import { VmManagerBench } from '../testing/vm-manager-bench.js';

const SEED = 20_260_101;
const hosts = [hostA, hostB, hostC] as const;
const OUTAGE_MS = 3_600_000;
const verbs = [...vmVerbNames, 'cancel'] as const;

const failing = (code: 'HOST_FULL' | 'HYPERVISOR_FAILED', left: string[]) =>
  ({
    kind: 'failed',
    step: 'step',
    error: { code, detail: 'no' },
    undone: [],
    left,
  }) satisfies OrderFinished['result'];

/** What may happen to a VM, in any order. Names are few, so that repeats of the same command happen. */
const happening = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      does: fc.constant('command' as const),
      verb: fc.constantFrom(...verbs),
      name: fc.integer({ min: 0, max: 5 }),
      isForced: fc.boolean(),
    }),
  },
  { weight: 6, arbitrary: fc.record({ does: fc.constant('run' as const), turns: fc.integer({ min: 1, max: 8 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({ does: fc.constant('wait' as const), ms: fc.constantFrom(50, 5_000, 130_000, 700_000) }),
  },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('repeat-reports' as const), host: fc.nat(2) }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('repeat-commands' as const), host: fc.nat(2) }) },
  {
    weight: 2,
    arbitrary: fc.record({ does: fc.constant('cut' as const), host: fc.nat(2), isReachable: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('hang' as const), host: fc.nat(2), isHung: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      does: fc.constant('fail' as const),
      host: fc.nat(2),
      kind: fc.constantFrom('create' as const, 'start' as const, 'delete' as const),
      isFull: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('open' as const), host: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('crash' as const) }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('snapshot' as const) }) },
  // Longer than the time of any operation, with what hosts do meanwhile in between.
  { weight: 1, arbitrary: fc.record({ does: fc.constant('outage' as const), host: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('suspect' as const), host: fc.nat(2) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      does: fc.constant('store' as const),
      fate: fc.constantFrom('refused' as const, 'unanswered' as const, 'lost' as const),
    }),
  },
);
type Happening = typeof happening extends fc.Arbitrary<infer Value> ? Value : never;

async function happen(bench: VmManagerBench, event: Happening): Promise<void> {
  const host = 'host' in event ? bench.hosts.host(hosts[event.host] ?? hostA) : bench.hosts.host(hostA);
  switch (event.does) {
    case 'command':
      return command(bench, event.verb, `${event.verb} ${event.name}`, event.isForced);
    case 'run': {
      let turns = 0;
      return bench.until(() => turns++ >= event.turns);
    }
    case 'wait':
      return bench.clock.advance(event.ms);
    case 'repeat-reports':
      if (host.reports.length > 0) await bench.report(host.hostId).catch(ignoreFault);
      return;
    case 'repeat-commands':
      if (!host.isReachable) return;
      for (const { hostId, order: sent } of [...bench.hosts.sent]) if (hostId === host.hostId) host.receive(sent);
      return;
    case 'cut':
      if (event.isReachable) await bench.reconnect(host.hostId).catch(ignoreFault);
      else host.isReachable = false;
      return;
    case 'hang':
      if (event.isHung) host.isHung = true;
      else host.resume();
      return;
    case 'fail':
      host.failures.set(event.kind, [
        failing(event.isFull ? 'HOST_FULL' : 'HYPERVISOR_FAILED', event.isFull ? [] : ['it']),
      ]);
      return;
    case 'open':
      await bench.reconnect(host.hostId).catch(ignoreFault);
      return;
    case 'crash':
      return bench.crash();
    case 'snapshot':
      return bench.saveSnapshot();
    case 'outage':
      bench.loseLease();
      host.resume();
      bench.clock.advance(OUTAGE_MS);
      return bench.crash();
    case 'suspect':
      return bench.suspect(host.hostId);
    case 'store': {
      const next = bench.faultyStore.appends + 1;
      bench.faultyStore.fateOf = (number) => (number === next ? event.fate : 'stored');
      return;
    }
  }
}

async function command(bench: VmManagerBench, verb: VmCommandKind, name: string, isForced: boolean): Promise<void> {
  const open = bench.state().operation?.operationId ?? operationOf('create');
  const fields =
    verb === 'stop'
      ? { mode: isForced ? 'force' : 'graceful', gracePeriodMs: 1_000 }
      : verb === 'reboot'
        ? { gracePeriodMs: 1_000 }
        : verb === 'cancel'
          ? { operationId: open }
          : {};
  await bench.command(verb, name, fields).catch(ignoreFault);
}

function ignoreFault(error: unknown): void {
  if (!(error instanceof Fault)) throw error;
}

/** Nothing more happens from outside; all waits come to their ends, but for those for a host that cannot be heard. */
async function settle(bench: VmManagerBench): Promise<void> {
  bench.faultyStore.fateOf = () => 'stored';
  await bench.until(() => bench.isActive && (!isOpen(bench) || isWaitingForHost(bench)));
}

function isOpen(bench: VmManagerBench): boolean {
  return bench.manager.folds.openVms.size > 0;
}

function isWaitingForHost(bench: VmManagerBench): boolean {
  const { hostId, operation } = bench.state();
  return operation?.isUnheard === true && hostId !== undefined && !bench.hosts.host(hostId).isReachable;
}

function expectSafe(bench: VmManagerBench, events: readonly StoredVmEvent[]): void {
  // One generation at a time: a host is commanded only under the newest that was given, on the host it was given to.
  const placements = events.filter((event) => event.type === 'VmPlaced');
  placements.reduce(
    (before, { data }) => {
      expect(before === undefined || compareGenerations(data.generation, before) > 0).toBe(true);
      return data.generation;
    },
    placements[0] === undefined ? undefined : { ...placements[0].data.generation, n: 0 },
  );
  for (const { hostId, order: sent } of bench.hosts.sent) {
    const given = placements.find(({ data }) => compareGenerations(data.generation, sent.generation) === 0);
    expect(given?.data.hostId).toBe(hostId);
  }
  const running = bench.hosts.all.filter((host) => host.power.has(vmId));
  expect(running.length).toBeLessThanOrEqual(1);

  // Every operation has exactly one end.
  const began = events.filter((event) => event.type === 'OperationBegan').map(({ data }) => data.operationId);
  const ended = events.flatMap((event) =>
    event.type === 'OperationSucceeded' || event.type === 'OperationFailed' || event.type === 'OperationCancelled'
      ? [event.data.operationId]
      : [],
  );
  const open = bench.state().operation?.operationId;
  expect([...ended].sort()).toEqual(began.filter((operationId) => operationId !== open).sort());
  expect(new Set(began).size).toBe(began.length);

  // Nothing comes after the end of the VM.
  const deletedAt = events.findIndex((event) => event.type === 'VmDeleted');
  if (deletedAt >= 0) expect(events.slice(deletedAt + 1)).toEqual([]);
  // A VM that is deleted is nowhere.
  if (deletedAt >= 0) expect(running).toEqual([]);
}

/** Nothing that its host had done by its own word has failed for its time, and only what did not run was undone for it. */
function expectNothingDoneUndone(bench: VmManagerBench, events: readonly StoredVmEvent[]): void {
  const reports = bench.hosts.all.flatMap((host) => host.reports);
  const done = new Set(
    reports.flatMap((report) =>
      report.kind === 'order-finished' && report.result.kind === 'done' ? [report.orderId] : [],
    ),
  );
  for (const [index, event] of events.entries()) {
    if (event.type === 'OperationCancelRequested' && event.data.because === 'overdue') {
      expect(events.slice(0, index).some(({ type }) => type === 'VmStarted')).toBe(false);
    }
    if (event.type !== 'OperationFailed' || event.data.code !== 'OPERATION_OVERDUE') continue;
    const { operationId } = event.data;
    if (events.some((other) => other.type === 'OperationCancelRequested' && other.data.operationId === operationId))
      continue;
    // The end of the command may have come after the end of the operation, never before.
    const orders = bench.hosts.sent.filter(({ order: sent }) => sent.operationId === operationId);
    const states = reports.findIndex(
      (report) => report.kind === 'vm-state' && orders.some(({ order: sent }) => sent.orderId === report.orderId),
    );
    const ends = reports.findIndex(
      (report) => report.kind === 'order-finished' && report.operationId === operationId && done.has(report.orderId),
    );
    expect(ends < 0 || ends > states).toBe(true);
  }
}

/** What is known of a VM that no operation holds is what its host has. */
function expectTrue(bench: VmManagerBench): void {
  const { phase, operation, hostId, definition, observed, drift } = bench.state();
  if (phase !== 'present' || operation !== undefined || hostId === undefined || definition === undefined) return;
  const real = bench.hosts.host(hostId).power.get(vmId);
  expect(observed).toBe(real ?? 'STOPPED');
  expect(drift.map(({ kind }) => kind)).toEqual(real === undefined ? ['missing'] : []);
}

describe('whatever happens to a VM', () => {
  it('never has two generations commanded at once, every operation ends, and nothing follows its deletion', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(happening, { minLength: 5, maxLength: 40 }), async (script) => {
        const bench = await VmManagerBench.started();
        await bench.insist('create', 'create');
        for (const event of script) await happen(bench, event);
        await settle(bench);
        expectSafe(bench, await bench.events());

        // Every host comes back, and what an operation could not wait for is made up for.
        for (const host of bench.hosts.all) {
          host.resume();
          await bench.reconnect(host.hostId);
        }
        let turns = 0;
        await bench.until(() => turns++ >= 40 && !isOpen(bench));
        const events = await bench.events();
        expectSafe(bench, events);
        expectTrue(bench);
        expectNothingDoneUndone(bench, events);

        // The fold that the process kept, own appends first, is the fold of the store.
        expect(bench.state()).toEqual(events.reduce(evolve, initialState));

        // All that was ever sent comes once more, out of its time: hosts that were cut off open their lane first.
        for (const host of bench.hosts.all) {
          host.resume();
          await bench.reconnect(host.hostId);
          const before = host.done.length;
          for (const { hostId, order: sent } of [...bench.hosts.sent].reverse())
            if (hostId === host.hostId) host.receive(sent);
          expect(host.done.length).toBe(before);
        }
        await bench.deliverReports();
        const after = await bench.events();
        for (const host of bench.hosts.all) if (host.reports.length > 0) await bench.report(host.hostId);
        await bench.crash();
        for (const host of bench.hosts.all) if (host.reports.length > 0) await bench.report(host.hostId);
        expect(await bench.events()).toEqual(after);
      }),
      { numRuns: 200, seed: SEED },
    );
  }, 30_000);
});
