import { describe, expect, it } from '@jest/globals';
import {
  errors,
  Rejected,
  vmSubject,
  type FullList,
  type HostId,
  type OrderId,
  type VmId,
  type VmReport,
} from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';
import { definition, firstGeneration, hostA, hostB, operationOf, vmId, vmOf } from '../testing/vm-facts.js';
import { domain, list, message, stopped } from '../testing/reports.js';
import { VmManagerBench } from '../testing/vm-manager-bench.js';

async function running(): Promise<VmManagerBench> {
  const bench = await VmManagerBench.started();
  await bench.command('create', 'create');
  await bench.ended('create');
  return bench;
}

const foreign: FullList['domains'][number] = {
  libvirtUuid: '00000000-0000-0000-0000-00000000000f',
  title: 'x',
  powerState: 'RUNNING',
  vcpus: 1,
  memoryMiB: 1,
};

describe('the lane of a host', () => {
  it('is acknowledged up to the last report when all that follows is stored', async () => {
    const bench = await running();
    expect(await bench.manager.reports.handle(message(2, [stopped]))).toEqual({
      kind: 'answered',
      value: { kind: 'acknowledged', throughSequence: 2 },
    });
    expect((await bench.types()).at(-1)).toBe('VmStopped');
  });

  it('keeps a report that the store will not take, and does not refuse the message for it', async () => {
    const bench = await running();
    bench.faultyStore.append = () => Promise.reject(new Rejected(errors.INVALID_FIELD('no such stream')));
    expect(await bench.manager.reports.handle(message(2, [stopped]))).toMatchObject({ kind: 'answered' });
    expect(bench.deadLetters).toHaveLength(1);
  });

  it('is not acknowledged while the store is down, and nothing is lost or doubled by the repeat', async () => {
    const bench = await running();
    const failing = bench.faultyStore.appends + 1;
    bench.faultyStore.fateOf = (number) => (number === failing ? 'unanswered' : 'stored');
    await expect(bench.manager.reports.handle(message(2, [stopped]))).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
    expect(await bench.manager.reports.handle(message(2, [stopped]))).toMatchObject({ kind: 'answered' });
    expect((await bench.types()).filter((type) => type === 'VmStopped')).toHaveLength(1);
  });

  it('is not blocked by a report that cannot be read: it is kept, then acknowledged', async () => {
    const bench = await running();
    const answer = await bench.manager.reports.handle(message(2, [{ kind: 'from-the-future' }, stopped]));
    expect(answer).toMatchObject({ value: { throughSequence: 3 } });
    expect(bench.deadLetters).toMatchObject([
      { subject: `vm reports of host ${hostA}`, reason: `unreadable report: ${hostA}/1/2` },
    ]);
    expect(bench.state().observed).toBe('STOPPED');
  });

  it('is answered with what to do when the host or its journal is not known', async () => {
    const bench = await running();
    const stranger = vmOf('stranger') as string as HostId;
    expect(await bench.manager.reports.handle(message(1, [stopped], stranger))).toMatchObject({
      kind: 'rejected',
      rejection: { code: 'HOST_NOT_FOUND' },
    });
    let turns = 0;
    await bench.register(hostA, 2);
    await bench.until(() => turns++ > 4);
    expect(await bench.manager.reports.handle(message(9, [stopped]))).toMatchObject({
      kind: 'rejected',
      rejection: { code: 'HOST_WRONG_STATE' },
    });
    expect(bench.state().observed).toBe('RUNNING');
  });

  it('refuses an epoch of the future at once, and takes it when its registration has been read', async () => {
    const bench = await running();
    const open = () => bench.manager.reports.handle({ kind: 'open', hostId: hostA, journalEpoch: 2, nonce: 'n' });
    await expect(open()).rejects.toMatchObject({ code: 'NOT_YET', outcome: 'not-applied' });
    await bench.register(hostA, 2);
    expect(await open()).toMatchObject({ kind: 'answered', value: { kind: 'table' } });
  });

  it('asks a host to open its lane again whose very first registration has not been read yet', async () => {
    const bench = await running();
    const stranger = vmOf('stranger') as string as HostId;
    const open = () => bench.manager.reports.handle({ kind: 'open', hostId: stranger, journalEpoch: 1, nonce: 'n' });
    await expect(open()).rejects.toMatchObject({ code: 'NOT_YET', outcome: 'not-applied' });
    await bench.register(stranger, 1);
    expect(await open()).toMatchObject({ kind: 'answered', value: { kind: 'table' } });
  });

  it('gives no table to a journal that is older than what was heard from it, also after a restart', async () => {
    const bench = await running();
    const open = (lastSequence: number) =>
      bench.manager.reports.handle({ kind: 'open', hostId: hostA, journalEpoch: 1, nonce: 'n', lastSequence });
    const { length } = bench.hosts.host(hostA).reports;
    expect(await open(length - 1)).toMatchObject({ kind: 'rejected', rejection: { code: 'JOURNAL_OUTDATED' } });
    expect(await open(length)).toMatchObject({ kind: 'answered' });
    await bench.crash();
    expect(await open(0)).toMatchObject({ rejection: { code: 'JOURNAL_OUTDATED' } });
  });

  it('counts a report as heard whose only fact is the end of an operation, and so after a restart', async () => {
    const bench = await running();
    const host = bench.hosts.host(hostA);
    const error = { code: 'HYPERVISOR_FAILED', detail: 'no' } as const;
    host.failures.set('reboot', [{ kind: 'failed', step: 'reboot', error, undone: [], left: [] }]);
    await bench.command('reboot', 'reboot', { gracePeriodMs: 0 });
    expect(await bench.ended('reboot')).toMatchObject({ type: 'OperationFailed' });
    expect(host.reports.at(-1)).toMatchObject({ kind: 'order-finished' });
    const { length } = host.reports;
    await bench.crash();
    const open = (lastSequence: number) =>
      bench.manager.reports.handle({ kind: 'open', hostId: hostA, journalEpoch: 1, nonce: 'n', lastSequence });
    expect(await open(length - 1)).toMatchObject({ rejection: { code: 'JOURNAL_OUTDATED' } });
    expect(await open(length)).toMatchObject({ kind: 'answered' });
  });

  it('tells of a deleted VM in the table of a host that still works on it', async () => {
    const bench = await running();
    await bench.command('delete', 'delete');
    await bench.ended('delete');
    const open = (underWay: VmId[]) =>
      bench.manager.reports.handle({
        kind: 'open',
        hostId: hostA,
        journalEpoch: 1,
        nonce: 'n',
        underWay: underWay.map(vmSubject),
      });
    expect(await open([])).toMatchObject({ value: { kind: 'table', newest: { vm: [] } } });
    const { generation = firstGeneration, revision } = bench.state();
    expect(await open([vmId, vmOf('never')])).toMatchObject({
      value: { newest: { vm: [[vmId, generation.epoch, generation.n, revision]] } },
    });
  });

  it('reads the store for so many VMs a second that are not its own, and for other hosts as before', async () => {
    const bench = await running();
    const underWay = Array.from({ length: 300 }, (_, index) => vmOf(`invented ${index}`));
    const open = (hostId: HostId, ids: VmId[]) =>
      bench.manager.reports.handle({ kind: 'open', hostId, journalEpoch: 1, nonce: 'n', underWay: ids.map(vmSubject) });
    const { reads } = bench.faultyStore;
    expect(await open(hostA, underWay)).toMatchObject({ kind: 'answered' });
    for (let count = 0; count < 20; count += 1) {
      await expect(open(hostA, underWay)).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    }
    expect(bench.faultyStore.reads - reads).toBe(300);
    // Its own VMs cost no reading, and other hosts have their own budget.
    expect(await open(hostA, [vmId])).toMatchObject({ value: { newest: { vm: [[vmId, 1, 1, expect.any(Number)]] } } });
    expect(await open(hostB, underWay.slice(1))).toMatchObject({ kind: 'answered' });
    bench.clock.advance(20_100);
    expect(await open(hostA, underWay)).toMatchObject({ kind: 'answered' });
  });

  it('has one message in work and one waiting, whatever the host sends, and goes on with other hosts', async () => {
    const bench = await running();
    const send = (hostId: HostId) =>
      bench.manager.reports.handle({ kind: 'open', hostId, journalEpoch: 1, nonce: 'n' });
    const answers = await Promise.allSettled([...Array.from({ length: 50 }, () => send(hostA)), send(hostB)]);
    const refused = answers.filter((answer) => answer.status === 'rejected');
    expect(refused).toHaveLength(48);
    expect(refused[0]?.reason).toMatchObject({ code: 'SERVICE_UNAVAILABLE', outcome: 'not-applied' });
    expect(answers.at(-1)).toMatchObject({ status: 'fulfilled' });
    expect(await send(hostA)).toMatchObject({ kind: 'answered' });
  });

  it('gives no table while the lease is not held', async () => {
    const bench = await running();
    bench.isHolding = false;
    await expect(bench.openLane(hostA)).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
  });

  it('ends an operation by a report of a newer agent, whose words it knows in part', async () => {
    const bench = await running();
    bench.hosts.host(hostA).isHung = true;
    await bench.command('reboot', 'reboot', { gracePeriodMs: 0 });
    await bench.until(() => bench.hosts.sent.length === 2);
    const sent = bench.hosts.sent.at(-1)?.order;
    if (sent === undefined) throw new Error('nothing was sent');
    const { orderId, operationId, generation, revision } = sent;
    const head = {
      kind: 'order-finished',
      orderId,
      subject: sent.subject,
      operationId,
      generation,
      revision,
      zNew: [1],
    };
    const error = { code: 'DISK_ON_FIRE', detail: 'it is hot', zNew: 1 };
    const odd = {
      ...head,
      powerState: 'RUNNING',
      result: { kind: 'failed', step: 'reboot', error, undone: [], left: [] },
    };
    await bench.manager.reports.handle(message(2, [odd]));
    expect(await bench.end(operationOf('reboot'))).toMatchObject({
      type: 'OperationFailed',
      data: { code: 'INTERNAL', reason: 'DISK_ON_FIRE: it is hot' },
    });
    expect(bench.deadLetters).toEqual([]);
  });

  it('settles no later report of a VM when an earlier one of the same batch met a fault', async () => {
    const bench = await running();
    await bench.command('reboot', 'reboot', { gracePeriodMs: 0 });
    await bench.until(() => bench.hosts.sent.length === 2);
    const rebooted = bench.hosts.host(hostA).reports.at(-1) as VmReport;
    const batch = message(2, [rebooted, stopped]);
    const failing = bench.faultyStore.appends + 1;
    bench.faultyStore.fateOf = (number) => (number === failing ? 'refused' : 'stored');
    await expect(bench.manager.reports.handle(batch)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(bench.state().observed).toBe('RUNNING');
    await bench.manager.reports.handle(batch);
    expect((await bench.types()).slice(-3)).toEqual(['VmRebooted', 'OperationSucceeded', 'VmStopped']);
  });

  it('records one reboot of a guest a minute at most, with how many there were', async () => {
    const bench = await running();
    const rebooted: VmReport = { ...stopped, powerState: 'RUNNING', change: 'rebooted' };
    const reboots = async () =>
      (await bench.events()).filter(({ type }) => type === 'VmRebooted').map(({ data }) => data);
    await bench.manager.reports.handle(message(2, [rebooted, ...Array.from({ length: 30 }, () => rebooted)]));
    expect(await reboots()).toMatchObject([{ cause: 'guest' }]);
    bench.clock.advance(60_000);
    await bench.manager.reports.handle(message(33, [{ ...rebooted, count: 5 }]));
    expect(await reboots()).toMatchObject([{ cause: 'guest' }, { count: 35 }]);
  });

  it('takes the first report of a new journal, whatever its number', async () => {
    const bench = await running();
    await bench.register(hostA, 2);
    expect(await bench.manager.reports.handle(message(1, [stopped], hostA, 2))).toMatchObject({
      value: { throughSequence: 1 },
    });
    expect(bench.state().observed).toBe('STOPPED');
  });

  it('settles the reports of one VM in their order', async () => {
    const bench = await running();
    const started: VmReport = { ...stopped, powerState: 'RUNNING', change: 'started', cause: 'outside' };
    await bench.manager.reports.handle(message(2, [stopped, started, stopped]));
    expect((await bench.types()).slice(-3)).toEqual(['VmStopped', 'VmStarted', 'VmStopped']);
  });
});

describe('a full list', () => {
  it('that agrees leaves no event, and leaves domains of others alone', async () => {
    const bench = await running();
    const before = await bench.store.head();
    await bench.manager.reports.handle(message(2, [list([domain(), foreign])]));
    expect(await bench.store.head()).toBe(before);
  });

  it('is settled when its last part is there', async () => {
    const bench = await running();
    await bench.manager.reports.handle(message(2, [list([], 0, false)]));
    expect(bench.state().drift).toEqual([]);
    await bench.manager.reports.handle(message(3, [list([foreign], 1, true)]));
    expect(bench.state().drift).toEqual([{ hostId: hostA, kind: 'missing' }]);
    expect((await bench.types()).slice(-2)).toEqual(['VmStopped', 'VmDriftFound']);
  });

  it('is settled with everything that it says of a VM', async () => {
    const bench = await running();
    const odd = {
      ...domain(),
      isUntracked: true,
      wasAutostart: true,
      volumeProblems: [
        { kind: 'missing' as const, detail: 'a' },
        { kind: 'size' as const, detail: 'b' },
      ],
    };
    await bench.manager.reports.handle(message(2, [list([odd])]));
    expect(bench.state().drift.map(({ kind }) => kind)).toEqual([
      ...['untracked-process', 'autostart', 'volume-missing', 'volume-size'],
    ]);
  });

  it('is dropped when its beginning was lost; the next one tells', async () => {
    const bench = await running();
    await bench.manager.reports.handle(message(2, [list([], 0, false)]));
    await bench.crash();
    await bench.manager.reports.handle(message(3, [list([foreign], 1, true)]));
    expect(bench.state().drift).toEqual([]);
    await bench.manager.reports.handle(message(4, [list([])]));
    expect(bench.state().drift).toHaveLength(1);
  });

  it('says nothing of VMs that were busy when it was taken', async () => {
    const bench = await running();
    await bench.manager.reports.handle(message(2, [list([], 0, true, [vmId])]));
    expect(bench.state()).toMatchObject({ drift: [], observed: 'RUNNING' });
  });

  it('says nothing of what was reported after its first part', async () => {
    const bench = await running();
    await bench.manager.reports.handle(message(2, [list([], 0, false), stopped, list([domain()], 1, true)]));
    expect(bench.state()).toMatchObject({ observed: 'STOPPED', drift: [] });
    expect((await bench.types()).at(-1)).toBe('VmStopped');
  });

  it('sets a domain of this fleet that the store does not know aside, once, until it is gone', async () => {
    const bench = await running();
    const stray = vmOf('stray');
    const both = list([domain(), domain(stray)]);
    await bench.manager.reports.handle(message(2, [both]));
    await bench.manager.reports.handle(message(3, [both]));
    await bench.manager.reports.handle(message(4, [list([domain()])]));
    expect(await bench.strays(hostA)).toMatchObject([
      { type: 'StrayFound', data: { vmId: stray, kind: 'unknown', title: 'web', memoryMiB: 128 } },
      { type: 'StrayGone', data: { vmId: stray } },
    ]);
    expect(await bench.events(stray)).toEqual([]);
    expect(bench.hosts.sent).toHaveLength(1);
  });

  it('sets a domain of a VM that was deleted aside, and its stream stays at its end', async () => {
    const bench = await running();
    await bench.command('delete', 'delete');
    await bench.ended('delete');
    const before = await bench.events();
    const heard = bench.hosts.host(hostA).reports.length;
    await bench.manager.reports.handle(message(heard + 1, [list([domain()])]));
    expect(await bench.strays(hostA)).toMatchObject([{ type: 'StrayFound', data: { vmId, kind: 'deleted' } }]);
    expect(await bench.events()).toEqual(before);
  });

  it('that began before a VM was deleted does not make a stray of it', async () => {
    const bench = await running();
    const { reports } = bench.hosts.host(hostA);
    reports.push(list([domain()], 0, false));
    await bench.command('delete', 'delete');
    await bench.ended('delete');
    reports.push(list([], 1, true));
    await bench.deliverReports();
    expect(await bench.types()).toContain('VmDeleted');
    expect(await bench.strays(hostA)).toEqual([]);
    // A list that begins after that tells of what came back.
    reports.push(list([domain()]));
    await bench.deliverReports();
    expect(await bench.strays(hostA)).toHaveLength(1);
  });

  it('that gives a domain of this fleet another id than that of its VM is kept and not worked on', async () => {
    const bench = await running();
    // An id that is nowhere, of a domain with the id of a VM that runs, here or on another host.
    const invented = { ...domain(vmOf('invented')), libvirtUuid: vmId };
    expect(await bench.manager.reports.handle(message(2, [list([invented])]))).toMatchObject({ kind: 'answered' });
    expect(await bench.strays(hostA)).toEqual([]);
    expect(bench.deadLetters).toHaveLength(1);
  });

  it('does not take a stray to be gone while its process runs, also where the host has no domain of it any more', async () => {
    const bench = await running();
    const stray = vmOf('stray');
    const { ours, ...process } = { ...domain(stray), powerState: 'UNRESPONSIVE' as const, isUntracked: true };
    await bench.manager.reports.handle(message(2, [list([domain(), { ...process, ours }])]));
    await bench.manager.reports.handle(message(3, [list([domain(), process])]));
    expect(await bench.strays(hostA)).toMatchObject([{ type: 'StrayFound', data: { vmId: stray, isUntracked: true } }]);
    await bench.manager.reports.handle(message(4, [list([domain()])]));
    expect((await bench.strays(hostA)).map(({ type }) => type)).toEqual(['StrayFound', 'StrayGone']);
  });

  it('says nothing of strays that were busy when it was taken', async () => {
    const bench = await running();
    const stray = vmOf('stray');
    await bench.manager.reports.handle(message(2, [list([domain(), domain(stray)], 0, true, [stray])]));
    expect(await bench.strays(hostA)).toEqual([]);
    await bench.manager.reports.handle(message(3, [list([domain(), domain(stray)])]));
    await bench.manager.reports.handle(message(4, [list([domain()], 0, true, [stray])]));
    expect((await bench.strays(hostA)).map(({ type }) => type)).toEqual(['StrayFound']);
  });

  it('of strays alone counts as heard, also by a process that starts from a snapshot', async () => {
    const bench = await running();
    const strays = list([domain(), domain(vmOf('stray'))]);
    await bench.manager.reports.handle(message(7, [strays]));
    await bench.saveSnapshot();
    await bench.crash();
    const open = { kind: 'open', hostId: hostA, journalEpoch: 1, nonce: 'n', lastSequence: 6 } as const;
    expect(await bench.manager.reports.handle(open)).toMatchObject({ rejection: { code: 'JOURNAL_OUTDATED' } });
    await bench.manager.reports.handle(message(8, [strays]));
    expect(await bench.strays(hostA)).toHaveLength(1);
  });

  it('given again after a crash changes nothing', async () => {
    const bench = await running();
    await bench.manager.reports.handle(message(2, [list([])]));
    const before = await bench.events();
    await bench.crash();
    await bench.manager.reports.handle(message(2, [list([])]));
    expect(await bench.events()).toEqual(before);
  });
});

describe('a host that lists what is not its own', () => {
  const invented = (count: number, of = 'invented') =>
    Array.from({ length: count }, (_, index) => domain(vmOf(`${of} ${index}`)));

  it('has a hundred VMs recorded that the store does not know, and how many more there are', async () => {
    const bench = await running();
    const head = await bench.store.head();
    const { reads } = bench.faultyStore;
    await bench.manager.reports.handle(message(2, [list([domain(), ...invented(1_500)])]));
    const { events } = await bench.store.readAll(head, { limit: 5_000 });
    expect(new Set(events.map(({ stream }) => stream))).toEqual(new Set([`strays-${hostA}`]));
    expect(events.filter(({ type }) => type === 'StrayFound')).toHaveLength(100);
    expect(events.filter(({ type }) => type === 'StraysLeftOut')).toMatchObject([{ data: { count: 1_400 } }]);
    // Each that is recorded was looked for, and the stream of the strays was read once.
    expect(bench.faultyStore.reads - reads).toBe(101);
    await bench.manager.reports.handle(message(3, [list([domain(), ...invented(1_500)])]));
    expect(await bench.strays(hostA)).toHaveLength(101);
    expect(bench.faultyStore.reads - reads).toBe(101);
  });

  it('has so many strays recorded in an hour, costs the store nothing beyond, and its own VMs are settled all the same', async () => {
    const bench = await running();
    for (let sequence = 2; sequence <= 201; sequence += 1) {
      await bench.manager.reports.handle(message(sequence, [list([domain(), ...invented(100, `${sequence}`)])]));
    }
    // The first list, and one that took the place of it before the budget was spent.
    expect(await bench.strays(hostA)).toHaveLength(300);
    expect(bench.manager.reports.over.hosts).toEqual([hostA]);
    bench.clock.advance(5_000);
    const { reads } = bench.faultyStore;
    await bench.manager.reports.handle(message(300, [list([domain(vmId, 'STOPPED'), ...invented(100, 'last')])]));
    expect(bench.faultyStore.reads).toBe(reads);
    expect(bench.state().observed).toBe('STOPPED');
    bench.clock.advance(3_600_000);
    await bench.manager.reports.handle(message(301, [list([domain(vmId, 'STOPPED'), ...invented(100, 'last')])]));
    expect(await bench.strays(hostA)).toHaveLength(500);
  });

  it('cannot fill the stream of another host’s VM by listing it in turn', async () => {
    const bench = await running();
    const { length } = await bench.events();
    for (let sequence = 1; sequence <= 1_000; sequence += 1) {
      const isThere = sequence % 2 === 1;
      await bench.manager.reports.handle(message(sequence, [list(isThere ? [domain()] : [])], hostB));
      bench.clock.advance(5_000);
    }
    // 60 at once, and then two a minute.
    expect((await bench.events()).length - length).toBe(60 + 167);
    // Its own VMs are settled all the same.
    await bench.manager.reports.handle(message(2, [list([domain(vmId, 'STOPPED')])]));
    expect(bench.state().observed).toBe('STOPPED');
  });

  it('has no list of more VMs kept than a host may have, is told of once, and its next list is compared', async () => {
    const bench = await running();
    const part = (index: number) => list(invented(2_000, `part ${index}`), index, false);
    for (let index = 0; index < 7; index += 1) await bench.manager.reports.handle(message(2 + index, [part(index)]));
    // What was dropped has no end: nothing of it is compared.
    await bench.manager.reports.handle(message(9, [list([], 7, true)]));
    expect(bench.state().drift).toEqual([]);
    await bench.manager.reports.handle(message(10, [part(0), part(1), part(2), part(3), part(4), part(5)]));
    const told = bench.told.filter(({ message: line }) =>
      line.startsWith('a host lists more VMs than a host may have'),
    );
    expect(told).toMatchObject([{ fields: { hostId: hostA, most: 10_000 } }]);
    await bench.manager.reports.handle(message(16, [list([])]));
    expect(bench.state().drift).toEqual([{ hostId: hostA, kind: 'missing' }]);
  });

  it('has ten lists compared at once and then one in five seconds, and the loop goes on between them', async () => {
    const bench = await running();
    const inTurn = Array.from({ length: 500 }, (_, index) =>
      list([domain(vmId, index % 2 === 0 ? 'STOPPED' : 'RUNNING')]),
    );
    const { length } = await bench.events();
    let turns = 0;
    const count = () => {
      turns += 1;
      if (turns < 1_000) setImmediate(count);
    };
    setImmediate(count);
    const answer = await bench.manager.reports.handle(message(2, inTurn));
    expect(turns).toBeGreaterThanOrEqual(10);
    turns = 1_000;
    expect(answer).toMatchObject({ value: { throughSequence: 501 } });
    expect((await bench.events()).length - length).toBe(10);
    bench.clock.advance(5_000);
    await bench.manager.reports.handle(message(502, inTurn.slice(0, 2)));
    expect((await bench.events()).length - length).toBe(11);
  });

  it('has a hundred unreadable reports an hour kept, each cut to a size, and the rest acknowledged', async () => {
    const bench = await running();
    const unreadable = Array.from({ length: 500 }, (_, index) => ({
      kind: 'nonsense',
      index,
      text: 'x'.repeat(1_000),
    }));
    const batch = message(2, [{ kind: 'nonsense', text: 'x'.repeat(200_000) }, ...unreadable.slice(1)]);
    expect(await bench.manager.reports.handle(batch)).toMatchObject({ value: { throughSequence: 501 } });
    expect(bench.deadLetters).toHaveLength(100);
    expect(Math.max(...bench.deadLetters.map(({ payload }) => payload.length))).toBe(64 * 1024);
  });
});

describe('a host that reports changes without end', () => {
  const started: VmReport = { ...stopped, powerState: 'RUNNING', change: 'started', cause: 'outside' };
  const inTurn = (count: number) => Array.from({ length: count }, (_, index) => (index % 2 === 0 ? stopped : started));
  const order = (name: string) => derivedId(name, 'host-order') as OrderId;
  const ended = (name: string, fingerprint: string, id = vmId): VmReport => ({
    kind: 'order-finished',
    orderId: order(name),
    subject: vmSubject(id),
    operationId: operationOf(name),
    generation: firstGeneration,
    revision: 1,
    powerState: 'RUNNING',
    result: { kind: 'done', wasForced: false, definition: { ...definition, fingerprint } },
  });

  it('has so many recorded of each VM, is told of once, and what is so is recorded when there is credit again', async () => {
    const bench = await running();
    const { length } = await bench.events();
    for (let from = 2; from < 2_002; from += 500) await bench.manager.reports.handle(message(from, inTurn(500)));
    expect((await bench.events()).length - length).toBe(60);
    expect(bench.state().observed).toBe('RUNNING');
    expect(bench.manager.reports.over.hosts).toEqual([hostA]);
    expect(bench.manager.reports.facts.refused).toBeGreaterThan(0);
    const told = bench.told.filter(({ message: line }) => line.startsWith('a host reports more changes'));
    expect(told).toMatchObject([{ fields: { hostId: hostA, vmId } }]);
    bench.clock.advance(600_000);
    await bench.manager.reports.handle(message(2_002, [list([domain(vmId, 'STOPPED')])]));
    expect(bench.state().observed).toBe('STOPPED');
    expect(bench.manager.reports.over.hosts).toEqual([]);
  });

  it('costs its other VMs and what was asked for nothing', async () => {
    const bench = await running();
    await bench.command('create', 'another', { name: 'another' });
    const another = vmOf('another');
    await bench.ended('another', another);
    bench.hosts.host(hostA).reports.push(...inTurn(501));
    await bench.until(() => bench.manager.reports.facts.refused > 0);
    bench.hosts.host(hostA).reports.push({ ...stopped, subject: vmSubject(another) });
    await bench.until(() => bench.state(another).observed === 'STOPPED');
    await bench.command('stop', 'stop', { mode: 'force', gracePeriodMs: 0 });
    expect(await bench.ended('stop')).toMatchObject({ type: 'OperationSucceeded' });
    await bench.command('delete', 'delete');
    expect(await bench.ended('delete')).toMatchObject({ type: 'OperationSucceeded' });
  });

  it('spends nothing on what the store did not take', async () => {
    const bench = await running();
    bench.faultyStore.fateOf = () => 'refused';
    for (let count = 0; count < 100; count += 1) {
      await expect(bench.manager.reports.handle(message(2, [stopped]))).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
      });
    }
    bench.faultyStore.fateOf = () => 'stored';
    await bench.manager.reports.handle(message(2, [stopped]));
    expect(bench.state().observed).toBe('STOPPED');
  });

  it('cannot settle a VM anew by orders that were never given', async () => {
    const bench = await running();
    const before = await bench.events();
    const invented = Array.from({ length: 50 }, (_, index) => ended(`invented ${index}`, `${index % 2}`.repeat(64)));
    await bench.manager.reports.handle(message(2, invented));
    expect(await bench.events()).toEqual(before);
  });

  it('causes no reading of the store by VMs that it invents', async () => {
    const bench = await running();
    const { reads } = bench.faultyStore;
    const invented = Array.from({ length: 500 }, (_, index) =>
      ended(`invented ${index}`, 'a'.repeat(64), vmOf(`${index}`)),
    );
    const answer = await bench.manager.reports.handle(message(2, [...invented, stopped]));
    expect(answer).toMatchObject({ value: { throughSequence: 502 } });
    expect(bench.faultyStore.reads - reads).toBe(0);
    expect(bench.state().observed).toBe('STOPPED');
  });
});
