import { describe, expect, it } from '@jest/globals';
import type { OrderFinished, VmOrder, PowerState } from '@drover/contracts';
import type { JournalChange } from '../domain/journal/journal.state.js';
import type { Journal } from './ports/journal.port.js';
import { CrashPoint } from '../testing/crash-point.js';
import { HostBench } from '../testing/host-bench.js';
import { VmOrders } from '../testing/host-orders.js';

interface Scenario {
  readonly title: string;
  /** Carried out before, undisturbed. */
  readonly before: (vm: VmOrders) => readonly VmOrder[];
  readonly order: (vm: VmOrders) => VmOrder;
  readonly prepare?: (bench: HostBench, vm: VmOrders) => void;
  readonly powerState: PowerState;
  readonly result: OrderFinished['result']['kind'];
  readonly volumes: number;
  /** It must not happen twice, and no look tells whether it has: the end may be that the agent cannot tell. */
  readonly isOnce?: boolean;
}

const running = (vm: VmOrders) => [vm.create(1)];
const stopped = (vm: VmOrders) => [vm.create(1, { powerOn: false })];
const full = (bench: HostBench) => bench.faults.add({ call: 'start', code: 'HYPERVISOR_FAILED' });

const scenarios: readonly Scenario[] = [
  {
    title: 'create',
    before: () => [],
    order: (vm) => vm.create(5),
    powerState: 'RUNNING',
    result: 'done',
    volumes: 1,
  },
  {
    title: 'create that fails and is undone',
    before: () => [],
    order: (vm) => vm.create(5),
    prepare: full,
    powerState: 'ABSENT',
    result: 'failed',
    volumes: 0,
  },
  { title: 'start', before: stopped, order: (vm) => vm.start(5), powerState: 'RUNNING', result: 'done', volumes: 1 },
  {
    title: 'graceful stop',
    before: running,
    order: (vm) => vm.stop(5),
    powerState: 'STOPPED',
    result: 'done',
    volumes: 1,
  },
  {
    title: 'graceful stop that needs force',
    before: running,
    order: (vm) => vm.stop(5, 10),
    prepare: ({ machine }, { vmId }) => machine.guestIgnoresAcpi(vmId),
    powerState: 'STOPPED',
    result: 'done',
    volumes: 1,
  },
  {
    title: 'force-stop',
    before: running,
    order: (vm) => vm.forceStop(5),
    powerState: 'STOPPED',
    result: 'done',
    volumes: 1,
  },
  {
    title: 'reboot',
    before: running,
    order: (vm) => vm.reboot(5, 20),
    powerState: 'RUNNING',
    result: 'done',
    volumes: 1,
    isOnce: true,
  },
  {
    title: 'reboot that needs force',
    before: running,
    order: (vm) => vm.reboot(5, 20),
    prepare: ({ machine }, { vmId }) => machine.guestIgnoresAcpi(vmId),
    powerState: 'RUNNING',
    result: 'done',
    volumes: 1,
    isOnce: true,
  },
  {
    title: 'reset',
    before: running,
    order: (vm) => vm.plain('reset', 5),
    powerState: 'RUNNING',
    result: 'done',
    volumes: 1,
    isOnce: true,
  },
  {
    title: 'pause',
    before: running,
    order: (vm) => vm.plain('pause', 5),
    powerState: 'PAUSED',
    result: 'done',
    volumes: 1,
  },
  {
    title: 'resume',
    before: (vm) => [vm.create(1), vm.plain('pause', 2)],
    order: (vm) => vm.plain('resume', 5),
    powerState: 'RUNNING',
    result: 'done',
    volumes: 1,
  },
  {
    title: 'delete',
    before: running,
    order: (vm) => vm.plain('delete', 5),
    powerState: 'ABSENT',
    result: 'done',
    volumes: 0,
  },
];

/** Runs a scenario with the agent killed at its n-th effect. Returns whether it came that far. */
async function killAt(scenario: Scenario, at: number, when: 'before' | 'after'): Promise<boolean> {
  const bench = new HostBench();
  const { controlPlane, machine } = bench;
  const vm = new VmOrders('a');
  const first = await bench.start();
  for (const order of scenario.before(vm)) {
    await controlPlane.order(order);
    await controlPlane.end(order);
  }
  await first.stop();
  scenario.prepare?.(bench, vm);

  const crash = new CrashPoint(at, when);
  const messaging = bench.connect();
  const victim = bench.create({
    hypervisor: (driver) => crash.hypervisor(driver),
    journal: crash.journal(bench.journal),
    messaging,
  });
  await victim.start();
  const order = scenario.order(vm);
  const taken = controlPlane.order(order);
  taken.catch(() => undefined);
  const wasReached = await Promise.race([crash.reached.then(() => true), controlPlane.end(order).then(() => false)]);
  await messaging.close();
  crash.bury();
  await victim.stop();

  const survivor = await bench.start();
  expect(await taken).toEqual({ kind: 'taken' });
  const end = await controlPlane.end(order);
  const isUnknown = end.result.kind === 'failed' && end.result.error.code === 'OUTCOME_UNKNOWN';
  expect({ at, when, powerState: end.powerState, result: end.result.kind }).toEqual({
    at,
    when,
    powerState: scenario.powerState,
    result: scenario.isOnce === true && isUnknown ? 'failed' : scenario.result,
  });
  if (scenario.isOnce === true) {
    // The create booted it.
    const boots = (machine.domain(vm.vmId)?.boots ?? 0) - 1;
    expect({ at, when, boots }).toEqual({ at, when, boots: isUnknown ? Math.min(boots, 1) : 1 });
  }
  expect(machine.domain(vm.vmId)?.powerState ?? 'ABSENT').toBe(scenario.powerState);
  expect([...machine.volumes()]).toHaveLength(scenario.volumes);
  await survivor.stop();
  expect(controlPlane.ends(order.orderId)).toHaveLength(1);
  return wasReached;
}

describe('an agent that is killed', () => {
  for (const scenario of scenarios) {
    for (const when of ['before', 'after'] as const) {
      it(`ends a ${scenario.title} once and whole, killed right ${when} any of its effects`, async () => {
        let at = 1;
        while (await killAt(scenario, at, when)) at += 1;
        expect(at).toBeGreaterThan(5);
      }, 20_000);
    }
  }
});

describe('an agent that was restarted', () => {
  it('names what its journal holds as busy in a list that it makes before the table has come', async () => {
    const bench = new HostBench();
    const vm = new VmOrders('a');
    await (await bench.journal.open(bench.controlPlane.hostId)).write([{ kind: 'taken', order: vm.create(1) }]);

    const listed = Promise.withResolvers<void>();
    bench.controlPlane.beforeAnswering = (to) => (to === 'open' ? listed.promise : undefined);
    await bench.start({ journal: telling(bench.journal, (change) => isList(change) && listed.resolve()) });
    expect(bench.controlPlane.vmReports.find((report) => report.kind === 'full-list')).toMatchObject({
      busy: [vm.vmId],
    });
    await bench.controlPlane.end(vm.create(1));
    await bench.agent.stop();
  });
});

function isList(change: JournalChange): boolean {
  return change.kind === 'reported' && change.report.report.kind === 'full-list';
}

/** The journal, of which each change is told when it is durable. */
function telling(journal: Journal, tell: (change: JournalChange) => void): Journal {
  return {
    open: async (hostId) => {
      const { content, write } = await journal.open(hostId);
      return { content, write: async (changes) => write(changes).then(() => changes.forEach(tell)) };
    },
    close: () => journal.close(),
  };
}
