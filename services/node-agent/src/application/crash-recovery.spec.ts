import { describe, expect, it } from '@jest/globals';
import type { CommandFinished, HostCommand, PowerState } from '@drover/contracts';
import type { JournalChange } from '../domain/journal/journal.state.js';
import type { Journal } from './ports/journal.port.js';
import { CrashPoint } from '../testing/crash-point.js';
import { HostBench } from '../testing/host-bench.js';
import { VmCommands } from '../testing/host-commands.js';

interface Scenario {
  readonly title: string;
  /** Carried out before, undisturbed. */
  readonly before: (vm: VmCommands) => readonly HostCommand[];
  readonly command: (vm: VmCommands) => HostCommand;
  readonly prepare?: (bench: HostBench, vm: VmCommands) => void;
  readonly powerState: PowerState;
  readonly result: CommandFinished['result']['kind'];
  readonly volumes: number;
  /** It must not happen twice, and no look tells whether it has: the end may be that the agent cannot tell. */
  readonly isOnce?: boolean;
}

const running = (vm: VmCommands) => [vm.create(1)];
const stopped = (vm: VmCommands) => [vm.create(1, { powerOn: false })];
const full = (bench: HostBench) => bench.faults.add({ call: 'start', code: 'HYPERVISOR_FAILED' });

const scenarios: readonly Scenario[] = [
  {
    title: 'create',
    before: () => [],
    command: (vm) => vm.create(5),
    powerState: 'RUNNING',
    result: 'done',
    volumes: 1,
  },
  {
    title: 'create that fails and is undone',
    before: () => [],
    command: (vm) => vm.create(5),
    prepare: full,
    powerState: 'ABSENT',
    result: 'failed',
    volumes: 0,
  },
  { title: 'start', before: stopped, command: (vm) => vm.start(5), powerState: 'RUNNING', result: 'done', volumes: 1 },
  {
    title: 'graceful stop',
    before: running,
    command: (vm) => vm.stop(5),
    powerState: 'STOPPED',
    result: 'done',
    volumes: 1,
  },
  {
    title: 'graceful stop that needs force',
    before: running,
    command: (vm) => vm.stop(5, 10),
    prepare: ({ machine }, { vmId }) => machine.guestIgnoresAcpi(vmId),
    powerState: 'STOPPED',
    result: 'done',
    volumes: 1,
  },
  {
    title: 'force-stop',
    before: running,
    command: (vm) => vm.forceStop(5),
    powerState: 'STOPPED',
    result: 'done',
    volumes: 1,
  },
  {
    title: 'reboot',
    before: running,
    command: (vm) => vm.reboot(5, 20),
    powerState: 'RUNNING',
    result: 'done',
    volumes: 1,
    isOnce: true,
  },
  {
    title: 'reboot that needs force',
    before: running,
    command: (vm) => vm.reboot(5, 20),
    prepare: ({ machine }, { vmId }) => machine.guestIgnoresAcpi(vmId),
    powerState: 'RUNNING',
    result: 'done',
    volumes: 1,
    isOnce: true,
  },
  {
    title: 'reset',
    before: running,
    command: (vm) => vm.plain('reset', 5),
    powerState: 'RUNNING',
    result: 'done',
    volumes: 1,
    isOnce: true,
  },
  {
    title: 'pause',
    before: running,
    command: (vm) => vm.plain('pause', 5),
    powerState: 'PAUSED',
    result: 'done',
    volumes: 1,
  },
  {
    title: 'resume',
    before: (vm) => [vm.create(1), vm.plain('pause', 2)],
    command: (vm) => vm.plain('resume', 5),
    powerState: 'RUNNING',
    result: 'done',
    volumes: 1,
  },
  {
    title: 'delete',
    before: running,
    command: (vm) => vm.plain('delete', 5),
    powerState: 'ABSENT',
    result: 'done',
    volumes: 0,
  },
];

/** Runs a scenario with the agent killed at its n-th effect. Returns whether it came that far. */
async function killAt(scenario: Scenario, at: number, when: 'before' | 'after'): Promise<boolean> {
  const bench = new HostBench();
  const { controlPlane, machine } = bench;
  const vm = new VmCommands('a');
  const first = await bench.start();
  for (const command of scenario.before(vm)) {
    await controlPlane.order(command);
    await controlPlane.end(command);
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
  const command = scenario.command(vm);
  const taken = controlPlane.order(command);
  taken.catch(() => undefined);
  const wasReached = await Promise.race([crash.reached.then(() => true), controlPlane.end(command).then(() => false)]);
  await messaging.close();
  crash.bury();
  await victim.stop();

  const survivor = await bench.start();
  expect(await taken).toEqual({ kind: 'taken' });
  const end = await controlPlane.end(command);
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
  expect(controlPlane.ends(command.commandId)).toHaveLength(1);
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
    const vm = new VmCommands('a');
    await (await bench.journal.open(bench.controlPlane.hostId)).write([{ kind: 'taken', command: vm.create(1) }]);

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
