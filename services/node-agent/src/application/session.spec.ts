import { afterEach, describe, expect, it } from '@jest/globals';
import { fleetIdSchema, HOST_PROTOCOL_VERSION, type HostInventory, type VmReport, errors } from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';
import { createLogger } from '@drover/observability';
import { HostBench, type HostBenchOptions } from '../testing/host-bench.js';
import { VmOrders } from '../testing/host-orders.js';

const benches: HostBench[] = [];

function newBench(options: HostBenchOptions = {}): HostBench {
  const bench = new HostBench(options);
  benches.push(bench);
  return bench;
}

function startedByHand(): VmReport {
  const { subject, generation } = new VmOrders('web').create(1);
  return { kind: 'vm-changed', subject, generation, powerState: 'RUNNING', change: 'started', cause: 'outside' };
}

afterEach(async () => {
  for (const bench of benches.splice(0)) await bench.agent.stop();
});

describe('registration', () => {
  it('tells who and what the host is, and keeps the fleet it was given', async () => {
    const bench = newBench();
    await bench.start();
    const [first] = bench.controlPlane.registrations;
    expect(first).toMatchObject({
      protocolVersion: HOST_PROTOCOL_VERSION,
      inventory: { machineId: bench.machine.machineId },
      hostBootId: bench.machine.bootId,
    });
    expect(first?.fleetId).toBeUndefined();
    await bench.agent.stop();
    await bench.start();
    const second = bench.controlPlane.registrations[1];
    expect(second).toMatchObject({ fleetId: bench.controlPlane.fleetId, journalId: first?.journalId });
    expect(second?.bootNonce).not.toBe(first?.bootNonce);
  });

  it('goes on with a new journal when its own is an older copy, and makes nothing of a VM that has gone since', async () => {
    const bench = newBench();
    const vm = new VmOrders('web');
    const create = vm.create(1);
    // The file comes from a backup of a moment when the create was under way.
    await (await bench.journal.open(bench.controlPlane.hostId)).write([{ kind: 'taken', order: create }]);
    bench.controlPlane.openingRefusals.push({ code: 'JOURNAL_OUTDATED', detail: 'in a spec' });
    bench.controlPlane.table.set(vm.vmId, { generation: create.generation, revision: 9 });
    await bench.start();
    const [first, second] = bench.controlPlane.registrations;
    expect(second?.journalId).not.toBe(first?.journalId);
    expect(bench.controlPlane.opened).toMatchObject([
      { journalEpoch: 1, lastSequence: expect.any(Number), underWay: [vm.subject] },
      { journalEpoch: 2, lastSequence: expect.any(Number), underWay: [vm.subject] },
    ]);
    const end = await bench.controlPlane.when(() => bench.controlPlane.finished(create.orderId), 'its end');
    expect(end).toMatchObject({ powerState: 'ABSENT', result: { kind: 'superseded' } });
  });

  it.each([
    ['ha-manager heard more reports from it', 1, [{ code: 'JOURNAL_OUTDATED', detail: 'in a spec' }]],
    ['another journal was this host’s since', 3, []],
  ] as const)('sends nothing of what a restored journal had to report where %s', async (_, journalEpoch, refusals) => {
    const bench = newBench();
    const { controlPlane } = bench;
    const report = startedByHand();
    const at = new Date(0).toISOString();
    await (
      await bench.journal.open(controlPlane.hostId)
    ).write([
      { kind: 'registered', fleetId: controlPlane.fleetId, journalEpoch: 1 },
      { kind: 'reported', lane: 'vm', report: { sequence: 1, at, report } },
    ]);
    controlPlane.journalEpoch = journalEpoch;
    controlPlane.refusals.push(...refusals);
    await bench.start();
    const [first, second] = controlPlane.registrations;
    expect(second?.journalId).not.toBe(first?.journalId);
    expect(controlPlane.opened).toMatchObject([{ journalEpoch: journalEpoch + 1 }]);
    expect(controlPlane.vmReports.filter((sent) => sent.kind !== 'full-list')).toEqual([]);
  });

  it('sends what its journal had to report where the control plane itself went back to an older epoch', async () => {
    const bench = newBench();
    const { controlPlane } = bench;
    const report = startedByHand();
    await (
      await bench.journal.open(controlPlane.hostId)
    ).write([
      { kind: 'registered', fleetId: controlPlane.fleetId, journalEpoch: 2 },
      { kind: 'reported', lane: 'vm', report: { sequence: 1, at: new Date(0).toISOString(), report } },
    ]);
    await bench.start();
    expect(controlPlane.registrations).toHaveLength(1);
    expect(controlPlane.vmReports[0]).toEqual(report);
  });

  it.each(['FLEET_MISMATCH', 'PROTOCOL_UNSUPPORTED'] as const)('stays out when it is refused with %s', async (code) => {
    const bench = newBench();
    bench.controlPlane.refusals.push({ code, detail: 'in a spec' });
    const agent = bench.create();
    await agent.start();
    expect(await agent.ended).toMatchObject({ code });
    expect(agent.isOpen).toBe(false);
    expect(bench.controlPlane.registrations).toHaveLength(1);
  });

  it('takes no order on a table that was on its way when it was told to register again', async () => {
    const bench = newBench();
    const { controlPlane } = bench;
    controlPlane.heartbeatIntervalMs = 100;
    const wasOpen: boolean[] = [];
    let openings = 0;
    controlPlane.beforeAnswering = async (to) => {
      if (to === 'register') wasOpen.push(bench.agent.isOpen);
      else if ((openings += 1) === 1) {
        controlPlane.mustRegister = true;
        await controlPlane.when(() => (controlPlane.mustRegister ? undefined : true), 'a heartbeat');
      }
    };
    await bench.start();
    expect(wasOpen).toEqual([false, false]);
    expect(openings).toBe(2);
  });

  it('stays out of a fleet that is not the one it belongs to', async () => {
    const bench = newBench();
    await bench.start();
    await bench.agent.stop();
    bench.controlPlane.fleetId = fleetIdSchema.parse(derivedId('another', 'fleet'));
    const agent = bench.create();
    await agent.start();
    expect(await agent.ended).toMatchObject({ code: 'FLEET_MISMATCH' });
    expect(bench.controlPlane.openings).toBe(1);
  });

  it('asks again while its own last life still counts as alive, and stays out when another agent does', async () => {
    const inUse = { code: 'HOST_ID_IN_USE', detail: 'heard lately' } as const;
    const patient = newBench();
    patient.controlPlane.refusals.push(inUse, inUse);
    await patient.start();
    expect(patient.controlPlane.registrations).toHaveLength(3);

    const impatient = newBench({ timings: { hostIdPatienceMs: 0 } });
    impatient.controlPlane.refusals.push(inUse);
    const agent = impatient.create();
    await agent.start();
    expect(await agent.ended).toMatchObject({ code: 'HOST_ID_IN_USE' });
  });

  it('asks again for twice as long as the refusal says that the other may live', async () => {
    const told = { code: 'HOST_ID_IN_USE', detail: 'heard lately', data: { retryAfterMs: 60_000 } } as const;
    const bench = newBench({ timings: { hostIdPatienceMs: 0 } });
    bench.controlPlane.refusals.push(told, told);
    await bench.start();
    expect(bench.controlPlane.registrations).toHaveLength(3);
  });

  it('tells its inventory where the control plane does not know it, and only its digest elsewhere', async () => {
    const bench = newBench();
    await bench.start();
    const [first] = bench.controlPlane.registrations;
    expect(first?.inventory).toBeDefined();
    await bench.agent.stop();
    await bench.start();
    expect(bench.controlPlane.registrations[1]).toMatchObject({ inventoryDigest: first?.inventoryDigest });
    expect(bench.controlPlane.registrations[1]?.inventory).toBeUndefined();
    await bench.agent.stop();
    bench.controlPlane.needsInventory = true;
    await bench.start();
    expect(bench.controlPlane.registrations.slice(2).map(({ inventory }) => inventory !== undefined)).toEqual([
      false,
      true,
    ]);
  });

  it('says that it ended, so that the next agent of the host need not wait for its silence', async () => {
    const bench = newBench();
    await bench.start();
    await bench.agent.stop();
    expect(bench.controlPlane.farewells).toEqual([bench.controlPlane.registrations[0]?.bootNonce]);
  });

  it('says in its heartbeats that the hypervisor cannot be heard, as long as it is so', async () => {
    const bench = newBench();
    bench.controlPlane.heartbeatIntervalMs = 100;
    await bench.start();
    const heard = (isFault: boolean) =>
      bench.controlPlane.when(
        () => ((bench.controlPlane.lastHeartbeat?.hypervisorFault !== undefined) === isFault ? true : undefined),
        'a heartbeat',
      );
    await heard(false);
    bench.machine.stopDaemon();
    await heard(true);
    bench.machine.startDaemon();
    await heard(false);
  });

  it('waits for the table of a registration that vm-manager has not read yet, without another one and without a word', async () => {
    const lines: { level: string }[] = [];
    const destination = { write: (line: string) => void lines.push(JSON.parse(line) as { level: string }) };
    const bench = newBench({ logger: createLogger('node-agent', { destination }) });
    let asked = 0;
    bench.controlPlane.beforeAnswering = (to) => {
      // Longer than one request repeats itself.
      if (to === 'open' && (asked += 1) <= 3) throw errors.NOT_YET('not-applied', 'in a spec');
    };
    await bench.start();
    expect(asked).toBe(4);
    expect(bench.controlPlane.registrations).toHaveLength(1);
    expect(lines.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([]);
  });

  it('registers again where a heartbeat says so while the table is not there yet', async () => {
    const bench = newBench();
    const { controlPlane } = bench;
    controlPlane.heartbeatIntervalMs = 100;
    controlPlane.beforeAnswering = (to) => {
      const isTable = to === 'register' || controlPlane.registrations.length > 1;
      controlPlane.mustRegister = !isTable;
      controlPlane.tableNonce = isTable ? undefined : 'of another question';
    };
    await bench.start();
    expect(controlPlane.registrations.length).toBeGreaterThan(1);
  });

  it('registers a host that is known while its hypervisor is away, and says that it is', async () => {
    const bench = newBench();
    const { controlPlane } = bench;
    await bench.start();
    await bench.agent.stop();
    controlPlane.heartbeatIntervalMs = 100;
    bench.machine.stopDaemon();
    await bench.create().start();
    const fault = await controlPlane.when(() => controlPlane.lastHeartbeat?.hypervisorFault, 'word of the hypervisor');
    expect(fault).toBe('the hypervisor cannot be reached');
    const last = controlPlane.registrations.at(-1);
    expect(controlPlane.registrations).toHaveLength(2);
    expect(last?.inventory).toBeUndefined();
    expect(last?.inventoryDigest).toBeUndefined();
    bench.machine.startDaemon();
    await controlPlane.when(() => (bench.agent.isOpen ? true : undefined), 'the agent to open');
    expect((await controlPlane.when(() => controlPlane.hostReports[0], 'its inventory')).kind).toBe(
      'inventory-changed',
    );
  });

  it('waits for its hypervisor where nothing is known of the host', async () => {
    const bench = newBench();
    const { controlPlane } = bench;
    controlPlane.needsInventory = true;
    bench.machine.stopDaemon();
    await bench.create().start();
    await controlPlane.when(() => (controlPlane.registrations.length > 2 ? true : undefined), 'it to ask again');
    expect(controlPlane.heartbeats).toBe(0);
    bench.machine.startDaemon();
    await controlPlane.when(() => (bench.agent.isOpen ? true : undefined), 'the agent to open');
    expect(controlPlane.registrations.at(-1)?.inventory).toBeDefined();
  });

  it('registers and opens the VM lane again after each reconnect', async () => {
    const bench = newBench();
    await bench.start();
    bench.bus.cut();
    bench.bus.heal();
    await bench.controlPlane.when(() => (bench.controlPlane.openings >= 2 ? true : undefined), 'the second opening');
    expect(bench.controlPlane.registrations.length).toBeGreaterThanOrEqual(2);
    const create = new VmOrders('a').create(1);
    expect(await bench.controlPlane.order(create)).toEqual({ kind: 'taken' });
    expect(await bench.controlPlane.end(create)).toMatchObject({ powerState: 'RUNNING' });
  });

  it('registers again when a heartbeat says so', async () => {
    const bench = newBench();
    bench.controlPlane.heartbeatIntervalMs = 100;
    bench.controlPlane.mustRegister = true;
    await bench.start();
    await bench.controlPlane.when(() => (bench.controlPlane.openings >= 2 ? true : undefined), 'the second opening');
    await bench.controlPlane.when(() => (bench.controlPlane.heartbeats >= 2 ? true : undefined), 'the next heartbeat');
  });
});

describe('the inventory at a registration', () => {
  it('takes the place of reports that were made before it and still wait', async () => {
    const bench = newBench();
    await bench.start();
    const { controlPlane, machine } = bench;
    const resize = (capacityMiB: number): void => machine.resizePool('default', capacityMiB);
    const capacityOf = ({ inventory }: { inventory?: HostInventory | undefined }) => inventory?.pools[0]?.capacityMiB;
    controlPlane.isDeafToHost = true;
    resize(1_001);
    await controlPlane.when(() => controlPlane.hostSequences[0], 'the report');
    bench.bus.cut();
    resize(1_002);
    bench.bus.heal();
    const again = await controlPlane.when(() => controlPlane.registrations[1], 'the second registration');
    expect(capacityOf(again)).toBe(1_002);
    expect(again.reportsThrough).toBeGreaterThanOrEqual(1);
    controlPlane.isDeafToHost = false;
    controlPlane.hostSequences.length = 0;
    await controlPlane.when(() => (bench.agent.isOpen ? true : undefined), 'the agent to open');
    resize(1_003);
    await controlPlane.when(() => controlPlane.hostReports.find((report) => capacityOf(report) === 1_003), 'the next');
    expect(controlPlane.hostReports.map(capacityOf)).not.toContain(1_001);
    expect(Math.min(...controlPlane.hostSequences)).toBeGreaterThan(again.reportsThrough ?? 0);
  });
});

describe('the table', () => {
  it('makes a late copy void that was superseded while the agent was away', async () => {
    const bench = newBench();
    const vm = new VmOrders('a');
    const newest = { generation: { epoch: 1, n: 1 }, revision: 9 };
    bench.controlPlane.table.set(vm.vmId, newest);
    await bench.start();
    expect(await bench.controlPlane.send(vm.create(4))).toEqual({ kind: 'superseded', newest });
    expect([...bench.machine.domains()]).toEqual([]);
  });

  it('lets the very order through that it names', async () => {
    const bench = newBench();
    const create = new VmOrders('a').create(9);
    bench.controlPlane.table.set(create.subject.id, { generation: create.generation, revision: 9 });
    await bench.start();
    expect(await bench.controlPlane.order(create)).toEqual({ kind: 'taken' });
  });

  it('supersedes an order that the journal held', async () => {
    const bench = newBench();
    await bench.start();
    const vm = new VmOrders('a');
    const held = bench.faults.hold('createVolumes', vm.vmId);
    await bench.controlPlane.order(vm.create(1));
    await held.reached;
    const stopping = bench.agent.stop();
    held.release();
    await stopping;
    bench.controlPlane.table.set(vm.vmId, { generation: { epoch: 1, n: 1 }, revision: 2 });
    await bench.start();
    expect(await bench.controlPlane.end(vm.create(1))).toMatchObject({ result: { kind: 'superseded' } });
    expect([...bench.machine.domains()]).toEqual([]);
  });
});

describe('reports', () => {
  it('sends a report until it is acknowledged, also after a restart, with its sequence going on', async () => {
    const bench = newBench();
    await bench.start();
    const vm = new VmOrders('a');
    bench.controlPlane.isDeaf = true;
    await bench.controlPlane.order(vm.create(1));
    while (bench.machine.domain(vm.vmId)?.powerState !== 'RUNNING')
      await new Promise((resolve) => setImmediate(resolve));
    await bench.agent.stop();
    bench.controlPlane.isDeaf = false;
    await bench.start();
    expect(await bench.controlPlane.end(vm.create(1))).toMatchObject({
      powerState: 'RUNNING',
      result: { kind: 'done' },
    });
    expect(bench.controlPlane.ends(vm.create(1).orderId)).toHaveLength(1);
  });

  it('leaves to the full list what happens to a VM again and again while the control plane is away', async () => {
    const bench = newBench();
    await bench.start();
    const vm = new VmOrders('a');
    await bench.controlPlane.order(vm.create(1));
    await bench.controlPlane.end(vm.create(1));
    const { vmReports } = bench.controlPlane;
    const changes = () => vmReports.filter(({ kind }) => kind === 'vm-changed').length;
    bench.controlPlane.isDeaf = true;
    for (let round = 0; round < 750; round += 1) {
      bench.machine.change(vm.vmId, 'PAUSED', 'paused', 'outside');
      bench.machine.change(vm.vmId, 'RUNNING', 'resumed', 'outside');
    }
    bench.controlPlane.isDeaf = false;
    const isTold = () => changes() > 900 && vmReports.at(-1)?.kind === 'full-list';
    await bench.controlPlane.when(() => (isTold() ? true : undefined), 'a full list after the changes');
    expect(changes()).toBeLessThanOrEqual(1_000);
  });

  it('goes on working through an outage of messaging and reports afterwards', async () => {
    const bench = newBench();
    await bench.start();
    const vm = new VmOrders('a');
    await bench.controlPlane.order(vm.create(1));
    await bench.controlPlane.end(vm.create(1));
    bench.bus.cut();
    bench.machine.guestShutsDown(vm.vmId);
    bench.bus.heal();
    const change = await bench.controlPlane.when(
      () => bench.controlPlane.vmReports.find((report) => report.kind === 'vm-changed'),
      'the change',
    );
    expect(change).toMatchObject({ change: 'stopped', cause: 'guest' });
  });
});
