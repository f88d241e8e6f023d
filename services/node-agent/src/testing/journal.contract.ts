import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { fleetIdSchema, hostIdSchema, subjectKey, type FullList, type HostId } from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';
import type { Journal } from '../application/ports/journal.port.js';
import { initialProgress } from '../domain/orders/order.process.js';
import type { JournalChange } from '../domain/journal/journal.state.js';
import { VmOrders } from './host-orders.js';

export interface JournalContractStorage {
  /** Opens what is kept there, as an agent does after its restart. The one opened before has been closed. */
  open(): Journal;
  remove(): Promise<void>;
}

/** What every journal does. */
export function journalContract(name: string, createStorage: () => Promise<JournalContractStorage>): void {
  describe(`journal contract: ${name}`, () => {
    let storage: JournalContractStorage;
    let journal: Journal;
    let hostId: HostId;
    let hosts = 0;

    beforeAll(async () => {
      storage = await createStorage();
      journal = storage.open();
    });
    beforeEach(() => {
      hosts += 1;
      hostId = hostIdSchema.parse(derivedId('journal contract', hosts));
    });
    afterAll(async () => {
      await journal.close();
      await storage.remove();
    });

    const write = async (...changes: JournalChange[]): Promise<void> => (await journal.open(hostId)).write(changes);
    const reopened = async () => {
      await journal.close();
      journal = storage.open();
      return (await journal.open(hostId)).content;
    };
    const reported = (sequence: number, lane: 'vm' | 'host' = 'vm'): JournalChange => {
      const report: FullList = { kind: 'full-list', part: 0, isLast: true, domains: [], busy: [] };
      return { kind: 'reported', lane, report: { sequence, at: '2026-01-01T00:00:00.000Z', report } };
    };

    it('begins empty, with an id that it keeps', async () => {
      const { content } = await journal.open(hostId);
      expect(content.journalId).not.toBe('');
      expect(content.fleetId).toBeUndefined();
      expect(content.orders.size + content.newest.size).toBe(0);
      expect((await reopened()).journalId).toBe(content.journalId);
    });

    it('keeps the fleet and the journal epoch', async () => {
      const fleetId = fleetIdSchema.parse(derivedId('journal contract', 'fleet'));
      await write({ kind: 'registered', fleetId, journalEpoch: 7 });
      expect(await reopened()).toMatchObject({ fleetId, journalEpoch: 7 });
    });

    it('is another journal once it was renewed: nothing to report, its orders kept', async () => {
      const { content } = await journal.open(hostId);
      const before = content.journalId;
      const fleetId = fleetIdSchema.parse(derivedId('journal contract', 'fleet'));
      const order = new VmOrders('a').create(1);
      await write({ kind: 'registered', fleetId, journalEpoch: 7 }, { kind: 'taken', order }, reported(9));
      await write({ kind: 'renewed', journalId: 'another' });
      const renewed = await reopened();
      expect(renewed).toMatchObject({ journalId: 'another', fleetId, journalEpoch: undefined });
      expect(before).not.toBe('another');
      expect(renewed.lanes.vm).toEqual({ lastSequence: 0, reports: [] });
      expect([...renewed.orders.keys()]).toEqual([order.orderId]);
    });

    it('keeps taken orders in order, with their progress, until they end', async () => {
      const [a, b, c] = [new VmOrders('a').create(1), new VmOrders('b').create(1), new VmOrders('c').create(1)];
      const progress = { ...initialProgress, step: 2 };
      await write({ kind: 'taken', order: b }, { kind: 'taken', order: a }, { kind: 'taken', order: c });
      await write({ kind: 'progressed', orderId: a.orderId, progress }, { kind: 'ended', orderId: b.orderId });
      const { orders } = await reopened();
      expect([...orders.values()]).toEqual([{ order: a, progress }, { order: c }]);
    });

    it('keeps the highest order per VM after its orders ended', async () => {
      const vm = new VmOrders('a');
      const [older, newer] = [vm.stop(3), vm.forceStop(5)];
      await write({ kind: 'taken', order: newer }, { kind: 'ended', orderId: newer.orderId });
      await write({ kind: 'taken', order: older });
      const rank = { generation: newer.generation, revision: 5 };
      expect((await reopened()).newest.get(subjectKey(vm.subject))).toEqual({ rank, orderId: newer.orderId });
    });

    it('orders by generation before revision', async () => {
      const vm = new VmOrders('a');
      const moved = vm.create(1, { generation: { epoch: 1, n: 2 } });
      await write({ kind: 'taken', order: vm.stop(9) }, { kind: 'taken', order: moved });
      expect((await reopened()).newest.get(subjectKey(vm.subject))?.orderId).toBe(moved.orderId);
    });

    it('raises an order and never lowers it, and forgets the order that was newest before', async () => {
      const vm = new VmOrders('a');
      const rank = (revision: number) => ({ generation: { epoch: 1, n: 1 }, revision });
      await write({ kind: 'taken', order: vm.stop(3) });
      await write({ kind: 'raised', subject: vm.subject, rank: rank(3) });
      expect((await reopened()).newest.get(subjectKey(vm.subject))?.orderId).toBe(vm.stop(3).orderId);
      await write(
        { kind: 'raised', subject: vm.subject, rank: rank(8) },
        { kind: 'raised', subject: vm.subject, rank: rank(4) },
      );
      expect((await reopened()).newest.get(subjectKey(vm.subject))).toEqual({ rank: rank(8) });
    });

    it('lowers an order, and keeps which it is where that is said', async () => {
      const vm = new VmOrders('a');
      const rank = (revision: number) => ({ generation: { epoch: 1, n: 1 }, revision });
      await write({ kind: 'taken', order: vm.stop(9) });
      await write({ kind: 'lowered', subject: vm.subject, rank: rank(3) });
      expect((await reopened()).newest.get(subjectKey(vm.subject))).toEqual({ rank: rank(3) });
      const { orderId } = vm.stop(9);
      await write({ kind: 'lowered', subject: vm.subject, rank: rank(9), orderId });
      expect((await reopened()).newest.get(subjectKey(vm.subject))).toEqual({ rank: rank(9), orderId });
    });

    it('keeps what a VM was defined from until it is undefined', async () => {
      const { vmId } = new VmOrders('a');
      await write({ kind: 'defined', vmId, hash: 'one' });
      await write({ kind: 'defined', vmId, hash: 'two' });
      expect((await reopened()).definedFrom.get(vmId)).toBe('two');
      await write({ kind: 'defined', vmId });
      expect((await reopened()).definedFrom.size).toBe(0);
    });

    it('keeps the volumes that were made, those that are owed, and forgets those that are gone', async () => {
      const vm = new VmOrders('a');
      const { vmId } = vm;
      const { orderId } = vm.create(1);
      const at = (volume: string) => ({ vmId, pool: 'p', volume });
      for (const volume of ['kept', 'owed', 'gone']) {
        await write({ kind: 'volume-made', ...at(volume), orderId, sizeBytes: 2 ** 40 });
      }
      await write({ kind: 'volume-owed', ...at('owed') }, { kind: 'volume-owed', ...at('told') });
      await write({ kind: 'volume-gone', ...at('gone') });
      const made = { orderId, sizeBytes: 2 ** 40, pool: 'p' };
      const volumes = (await reopened()).volumes.get(vmId);
      expect([...(volumes?.values() ?? [])].sort((a, b) => (a.volume < b.volume ? -1 : 1))).toEqual([
        { ...made, volume: 'kept', isOwed: false },
        { ...made, volume: 'owed', isOwed: true },
        { pool: 'p', volume: 'told', isOwed: true },
      ]);
    });

    it('keeps reports per lane until they are acknowledged, and goes on counting after', async () => {
      await write(reported(1), reported(2), reported(3), reported(1, 'host'));
      await write({ kind: 'acknowledged', lane: 'vm', throughSequence: 2 });
      const before = await reopened();
      expect(before.lanes.vm.reports.map(({ sequence }) => sequence)).toEqual([3]);
      expect(before.lanes.host.reports.map(({ sequence }) => sequence)).toEqual([1]);
      await write({ kind: 'acknowledged', lane: 'vm', throughSequence: 3 });
      const after = await reopened();
      expect(after.lanes.vm).toEqual({ lastSequence: 3, reports: [] });
      expect(after.lanes.host.lastSequence).toBe(1);
    });

    it('never counts back, also where an older report is written after a newer one', async () => {
      await write(reported(6));
      await write(reported(5));
      expect((await reopened()).lanes.vm.lastSequence).toBe(6);
    });

    it('keeps hosts apart', async () => {
      const other = hostIdSchema.parse(derivedId('journal contract', `other ${hosts}`));
      await write({ kind: 'taken', order: new VmOrders('a').create(1) }, reported(1));
      const { content } = await journal.open(other);
      expect(content.orders.size).toBe(0);
      expect(content.lanes.vm.lastSequence).toBe(0);
    });

    it('keeps the order of writes that were not waited for', async () => {
      const opened = await journal.open(hostId);
      const order = new VmOrders('a').create(1);
      const writes = [opened.write([{ kind: 'taken', order }])];
      for (let step = 1; step <= 20; step += 1) {
        const progress = { ...initialProgress, step };
        writes.push(opened.write([{ kind: 'progressed', orderId: order.orderId, progress }]));
      }
      await Promise.all(writes);
      expect((await reopened()).orders.get(order.orderId)?.progress?.step).toBe(20);
    });
  });
}
