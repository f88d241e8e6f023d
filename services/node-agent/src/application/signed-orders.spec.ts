import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { fleetIdSchema, hostIdSchema, subjectKey, type HostRequest, type OrderRank } from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';
import { answered, createOrderKey, OrderSigner } from '@drover/messaging';
import { createLogger } from '@drover/observability';
import { MemoryJournal } from '../adapters/outbound/journal/memory-journal.adapter.js';
import { HostBench } from '../testing/host-bench.js';
import { VmOrders } from '../testing/host-orders.js';

const refused = { kind: 'rejected', rejection: { code: 'SIGNATURE_INVALID' } };

describe('an order to a host', () => {
  let bench: HostBench;
  const vm = new VmOrders('web');
  const sent = { journalEpoch: 1, order: vm.create(1) };
  const anotherFleet = fleetIdSchema.parse(derivedId('another', 'fleet'));
  const anotherHost = hostIdSchema.parse(derivedId('another', 'host'));

  beforeEach(async () => {
    bench = new HostBench();
    await bench.start();
  });
  afterEach(() => bench.agent.stop());

  const said = (payload: unknown) => {
    const messaging = bench.connect('vm-manager');
    return messaging.request(messaging.subjects.hostOrder(bench.controlPlane.hostId), payload, { ttlMs: 2_000 });
  };
  const journal = async () => (await bench.journal.open(bench.controlPlane.hostId)).content;

  it.each<[string, string, () => unknown]>([
    ['is not signed', 'unsigned', () => sent],
    [
      'is signed by another key',
      'unknown-key',
      () => {
        const { controlPlane } = bench;
        const signer = new OrderSigner(createOrderKey().privateKey, controlPlane.fleetId);
        return signer.sign('order', controlPlane.hostId, sent);
      },
    ],
    ['is for another host', 'wrong-signature', () => bench.controlPlane.signer.sign('order', anotherHost, sent)],
    [
      'is of another fleet',
      'wrong-signature',
      () => {
        const { controlPlane } = bench;
        return new OrderSigner(controlPlane.key.privateKey, anotherFleet).sign('order', controlPlane.hostId, sent);
      },
    ],
    [
      'was signed as a table',
      'wrong-signature',
      () => bench.controlPlane.signer.sign('table', bench.controlPlane.hostId, sent),
    ],
    [
      'was changed on its way',
      'wrong-signature',
      () => {
        const { controlPlane } = bench;
        const signed = controlPlane.signed(sent.order);
        return { ...signed, body: signed.body.replace('"revision":1', '"revision":2147483647') };
      },
    ],
  ])('that %s changes nothing, and is counted', async (_what, reason, payload) => {
    expect(await said(payload())).toMatchObject(refused);
    const counted = bench.metrics.counter('drover_orders_refused_total').value({ purpose: 'order', reason });
    expect(counted).toBe(1);
    expect((await journal()).newest.size).toBe(0);
    expect((await journal()).orders.size).toBe(0);
    expect(await bench.controlPlane.order(vm.create(1))).toEqual({ kind: 'taken' });
  });

  it('for another journal of the host does nothing: a copy that somebody kept resets no VM twice', async () => {
    const { controlPlane } = bench;
    const reset = vm.plain('reset', 2);
    await controlPlane.order(vm.create(1));
    await controlPlane.order(reset);
    await controlPlane.end(reset);
    const kept = controlPlane.signed(reset);
    const boots = bench.machine.domain(vm.vmId)?.boots;
    // The disk was lost: the new journal knows of the reset only what the table says, which is not that it was here.
    await bench.agent.stop();
    controlPlane.table.set(vm.vmId, { generation: reset.generation, revision: 1 });
    await bench.start({ journal: new MemoryJournal() });
    expect(controlPlane.journalEpoch).toBe(2);
    expect(await said(kept)).toEqual(answered({ kind: 'other-journal' }));
    expect(await said(controlPlane.signed({ kind: 'look', subject: vm.subject, orderId: reset.orderId }, 1))).toEqual(
      answered({ kind: 'other-journal' }),
    );
    expect(bench.machine.domain(vm.vmId)?.boots).toBe(boots);
  });

  it('is told of in a log line', async () => {
    const lines: unknown[] = [];
    await bench.agent.stop();
    const destination = {
      write: (line: string) => void lines.push((JSON.parse(line) as { message: unknown }).message),
    };
    bench = new HostBench({ logger: createLogger('spec', { destination }) });
    await bench.start();
    await said(vm.create(1));
    await said(vm.create(1));
    expect(lines.filter((line) => line === 'refused what vm-manager has not signed')).toHaveLength(1);
  });
});

describe('the table of the VMs of a host', () => {
  const vm = new VmOrders('web');
  let bench: HostBench;

  beforeEach(() => {
    bench = new HostBench();
  });
  afterEach(() => bench.agent.stop());

  it.each<[string, () => void]>([
    [
      'is signed by another key',
      () => {
        bench.controlPlane.tableSigner = new OrderSigner(createOrderKey().privateKey, bench.controlPlane.fleetId);
      },
    ],
    [
      'answers another question',
      () => {
        bench.controlPlane.tableNonce = 'of another day';
      },
    ],
  ])('that %s opens no lane and raises nothing', async (_what, arrange) => {
    const { controlPlane } = bench;
    controlPlane.table.set(vm.vmId, { generation: { epoch: 1, n: 1 }, revision: 2_147_483_647 });
    arrange();
    const agent = bench.create();
    await agent.start();
    await controlPlane.when(() => (controlPlane.openings >= 2 ? true : undefined), 'the second opening');
    const raised = (await bench.journal.open(controlPlane.hostId)).content.newest.get(subjectKey(vm.subject));
    const wasOpen = agent.isOpen;
    expect({ raised, wasOpen }).toEqual({ raised: undefined, wasOpen: false });
  });
});

describe('an order that vm-manager never gave', () => {
  const vm = new VmOrders('web');
  const forged: OrderRank = { generation: { epoch: 1, n: 1 }, revision: 2_147_483_647 };
  let bench: HostBench;

  beforeEach(async () => {
    bench = new HostBench();
    const journal = await bench.journal.open(bench.controlPlane.hostId);
    await journal.write([{ kind: 'raised', subject: vm.subject, rank: forged }]);
    await bench.start();
  });
  afterEach(() => bench.agent.stop());

  const to = { generation: { epoch: 1, n: 1 }, revision: 0 };
  const lower = (from: OrderRank, subject = vm.subject, revision = 0): HostRequest => ({
    ...{ kind: 'lower', subject, from, to: { ...to, revision } },
  });

  async function allAcknowledged(): Promise<void> {
    const waiting = async () => (await bench.journal.open(bench.controlPlane.hostId)).content.lanes.vm.reports.length;
    while ((await waiting()) > 0) await new Promise((resolve) => setImmediate(resolve));
  }

  it('makes true orders superseded until it is lowered, and then they are carried out', async () => {
    expect(await bench.controlPlane.send(vm.create(1))).toEqual({ kind: 'superseded', newest: forged });
    expect(await bench.controlPlane.send(lower(forged))).toEqual({ kind: 'taken' });
    expect(await bench.controlPlane.send(vm.create(1))).toEqual({ kind: 'taken' });
    expect(await bench.controlPlane.end(vm.create(1))).toMatchObject({ powerState: 'RUNNING' });
  });

  it('is lowered only where it is the newest, so that a copy of another day does nothing', async () => {
    expect(await bench.controlPlane.send(lower({ ...forged, revision: 5 }))).toEqual({
      kind: 'superseded',
      newest: forged,
    });
    await bench.controlPlane.send(lower(forged));
    await bench.controlPlane.send(vm.create(1));
    await bench.controlPlane.end(vm.create(1));
    await bench.controlPlane.send(vm.forceStop(4));
    await bench.controlPlane.end(vm.forceStop(4));
    // The same message again, as somebody may have kept it.
    await allAcknowledged();
    expect(await bench.controlPlane.send(lower(forged))).toMatchObject({ kind: 'superseded', newest: { revision: 4 } });
    expect(await bench.controlPlane.send(vm.create(1))).toMatchObject({ kind: 'superseded' });
  });

  it('is not lowered below one whose end was not acknowledged: repeated, that one would be done twice', async () => {
    const { controlPlane } = bench;
    await controlPlane.send(lower(forged));
    await controlPlane.send(vm.create(1));
    await controlPlane.end(vm.create(1));
    controlPlane.isDeaf = true;
    const reset = vm.plain('reset', 5);
    await controlPlane.send(reset);
    const { content } = await bench.journal.open(controlPlane.hostId);
    const newest = { rank: { ...forged, revision: 5 }, orderId: reset.orderId };
    const below = lower(newest.rank, vm.subject, 4);
    // While it is under way and while its end waits alike.
    expect(await controlPlane.send(below)).toEqual({ kind: 'unsettled', newest: newest.rank });
    expect(content.newest.get(subjectKey(vm.subject))).toEqual(newest);
    expect(await controlPlane.send(reset)).toEqual({ kind: 'taken' });
    controlPlane.isDeaf = false;
    await controlPlane.end(reset);
    // All that the host does for a VM it does in turn, so a second reset would have ended before this.
    await controlPlane.send(vm.forceStop(6));
    await controlPlane.end(vm.forceStop(6));
    expect(controlPlane.ends(reset.orderId)).toHaveLength(1);
  });

  it('stays lowered over a restart', async () => {
    await bench.controlPlane.send(lower(forged));
    await bench.agent.stop();
    await bench.start();
    expect(await bench.controlPlane.order(vm.create(1))).toEqual({ kind: 'taken' });
    await bench.controlPlane.end(vm.create(1));
  });
});
