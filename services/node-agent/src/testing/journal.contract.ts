import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { fleetIdSchema, hostIdSchema, type FullList, type HostId } from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';
import type { Journal } from '../application/ports/journal.port.js';
import { initialProgress } from '../domain/commands/command.process.js';
import type { JournalChange } from '../domain/journal/journal.state.js';
import { VmCommands } from './host-commands.js';

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
      expect(content.commands.size + content.newest.size).toBe(0);
      expect((await reopened()).journalId).toBe(content.journalId);
    });

    it('keeps the fleet and the journal epoch', async () => {
      const fleetId = fleetIdSchema.parse(derivedId('journal contract', 'fleet'));
      await write({ kind: 'registered', fleetId, journalEpoch: 7 });
      expect(await reopened()).toMatchObject({ fleetId, journalEpoch: 7 });
    });

    it('is another journal once it was renewed: nothing to report, its commands kept', async () => {
      const { content } = await journal.open(hostId);
      const before = content.journalId;
      const fleetId = fleetIdSchema.parse(derivedId('journal contract', 'fleet'));
      const command = new VmCommands('a').create(1);
      await write({ kind: 'registered', fleetId, journalEpoch: 7 }, { kind: 'taken', command }, reported(9));
      await write({ kind: 'renewed', journalId: 'another' });
      const renewed = await reopened();
      expect(renewed).toMatchObject({ journalId: 'another', fleetId, journalEpoch: undefined });
      expect(before).not.toBe('another');
      expect(renewed.lanes.vm).toEqual({ lastSequence: 0, reports: [] });
      expect([...renewed.commands.keys()]).toEqual([command.commandId]);
    });

    it('keeps taken commands in order, with their progress, until they end', async () => {
      const [a, b, c] = [new VmCommands('a').create(1), new VmCommands('b').create(1), new VmCommands('c').create(1)];
      const progress = { ...initialProgress, step: 2 };
      await write({ kind: 'taken', command: b }, { kind: 'taken', command: a }, { kind: 'taken', command: c });
      await write({ kind: 'progressed', commandId: a.commandId, progress }, { kind: 'ended', commandId: b.commandId });
      const { commands } = await reopened();
      expect([...commands.values()]).toEqual([{ command: a, progress }, { command: c }]);
    });

    it('keeps the highest order per VM after its commands ended', async () => {
      const vm = new VmCommands('a');
      const [older, newer] = [vm.stop(3), vm.forceStop(5)];
      await write({ kind: 'taken', command: newer }, { kind: 'ended', commandId: newer.commandId });
      await write({ kind: 'taken', command: older });
      const order = { generation: newer.generation, revision: 5 };
      expect((await reopened()).newest.get(vm.vmId)).toEqual({ order, commandId: newer.commandId });
    });

    it('orders by generation before revision', async () => {
      const vm = new VmCommands('a');
      const moved = vm.create(1, { generation: { epoch: 1, n: 2 } });
      await write({ kind: 'taken', command: vm.stop(9) }, { kind: 'taken', command: moved });
      expect((await reopened()).newest.get(vm.vmId)?.commandId).toBe(moved.commandId);
    });

    it('raises an order and never lowers it, and forgets the command that was newest before', async () => {
      const vm = new VmCommands('a');
      const order = (revision: number) => ({ generation: { epoch: 1, n: 1 }, revision });
      await write({ kind: 'taken', command: vm.stop(3) });
      await write({ kind: 'raised', vmId: vm.vmId, order: order(3) });
      expect((await reopened()).newest.get(vm.vmId)?.commandId).toBe(vm.stop(3).commandId);
      await write(
        { kind: 'raised', vmId: vm.vmId, order: order(8) },
        { kind: 'raised', vmId: vm.vmId, order: order(4) },
      );
      expect((await reopened()).newest.get(vm.vmId)).toEqual({ order: order(8) });
    });

    it('keeps what a VM was defined from until it is undefined', async () => {
      const { vmId } = new VmCommands('a');
      await write({ kind: 'defined', vmId, hash: 'one' });
      await write({ kind: 'defined', vmId, hash: 'two' });
      expect((await reopened()).definedFrom.get(vmId)).toBe('two');
      await write({ kind: 'defined', vmId });
      expect((await reopened()).definedFrom.size).toBe(0);
    });

    it('keeps the volumes that were made, those that are owed, and forgets those that are gone', async () => {
      const vm = new VmCommands('a');
      const { vmId } = vm;
      const { commandId } = vm.create(1);
      const at = (volume: string) => ({ vmId, pool: 'p', volume });
      for (const volume of ['kept', 'owed', 'gone']) {
        await write({ kind: 'volume-made', ...at(volume), commandId, sizeBytes: 2 ** 40 });
      }
      await write({ kind: 'volume-owed', ...at('owed') }, { kind: 'volume-owed', ...at('told') });
      await write({ kind: 'volume-gone', ...at('gone') });
      const made = { commandId, sizeBytes: 2 ** 40, pool: 'p' };
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
      await write({ kind: 'taken', command: new VmCommands('a').create(1) }, reported(1));
      const { content } = await journal.open(other);
      expect(content.commands.size).toBe(0);
      expect(content.lanes.vm.lastSequence).toBe(0);
    });

    it('keeps the order of writes that were not waited for', async () => {
      const opened = await journal.open(hostId);
      const command = new VmCommands('a').create(1);
      const writes = [opened.write([{ kind: 'taken', command }])];
      for (let step = 1; step <= 20; step += 1) {
        const progress = { ...initialProgress, step };
        writes.push(opened.write([{ kind: 'progressed', commandId: command.commandId, progress }]));
      }
      await Promise.all(writes);
      expect((await reopened()).commands.get(command.commandId)?.progress?.step).toBe(20);
    });
  });
}
