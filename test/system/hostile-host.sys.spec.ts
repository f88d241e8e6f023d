/** A host that was taken over, with its real credentials, against real services: rows of `docs/reference/faults.md`. */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import { connect, credsAuthenticator, type NatsConnection } from '@nats-io/transport-node';
import {
  inboxOfHost,
  inboxOfService,
  MAX_STRAYS,
  subjectsUnder,
  type HostId,
  type HostStreamData,
  type StoredEvent,
} from '@drover/contracts';
import {
  deadLetterLimits,
  openPostgresEventStore,
  openPostgresLeaseStore,
  type DeadLetter,
  type PostgresEventStore,
  type PostgresLeaseStore,
} from '@drover/event-store';
import { Fleet, RawNatsClient, type FleetApi, type FleetPart, type NatsUser } from '@drover/testing';

const HOSTS = 3;
const FLOOD = 3_000;
const subjects = subjectsUnder('drover');
const services: readonly FleetPart[] = ['api-gateway', 'vm-manager', 'scheduler', 'ha-manager', 'node-agent'];
const leaseKeys = ['api-gateway.relay', 'vm-manager', 'scheduler', 'ha-manager'];
const at = '2026-01-01T00:00:00.000Z';

describe('a host that was taken over: it costs the others nothing', () => {
  let fleet: Fleet;
  let api: FleetApi;
  let store: PostgresEventStore;
  let hostile: RawNatsClient;
  let hostileId: HostId;
  let honestIds: readonly HostId[];
  let administrator: NatsConnection;
  let events: NatsConnection;
  let manager: JetStreamManager;
  let registration: Record<string, unknown>;
  let pids: readonly number[];
  let leases: PostgresLeaseStore;
  let held: readonly string[];
  let count = 0;

  const inbox = () => `${inboxOfHost(hostileId)}.x.${(count += 1)}`;
  const say = (subject: string, payload: unknown, replyTo = inbox()) =>
    hostile.publish(subject, JSON.stringify(payload), replyTo);
  const vmLane = () => subjects.hostReport(hostileId, 'vm');
  const hostLane = () => subjects.hostReport(hostileId, 'host');
  const reports = (first: number, ...told: readonly unknown[]) => ({
    kind: 'reports',
    hostId: hostileId,
    journalEpoch: 1,
    reports: told.map((report, index) => ({ sequence: first + index, at, report })),
  });

  async function connectAs({ servers, inboxPrefix, credentialsFile }: NatsUser): Promise<NatsConnection> {
    return connect({ servers, inboxPrefix, authenticator: credsAuthenticator(await readFile(credentialsFile)) });
  }

  /** Who holds each lease: the run of a process, which changes when the lease does. */
  async function holders(): Promise<readonly string[]> {
    return Promise.all(
      leaseKeys.map(async (key) => {
        const { value = '{"run":"none"}' } = (await leases.read(key)) ?? {};
        return `${key} ${(JSON.parse(value) as { run: string }).run}`;
      }),
    );
  }

  /** The others' commands still end: a VM is made and removed on each. */
  async function work(): Promise<void> {
    await Promise.all(
      honestIds.map(async (hostId) => {
        const name = `vm-${(count += 1)}`;
        await api.succeed('POST', '/vms', { name, spec: { placement: { hostId } } });
        await api.succeed('DELETE', `/vms/${name}`);
      }),
    );
  }

  beforeAll(async () => {
    fleet = await Fleet.start({ hypervisor: 'simulated', hosts: HOSTS });
    api = fleet.api;
    store = await openPostgresEventStore({ connectionString: fleet.databaseUrl });
    leases = openPostgresLeaseStore({ connectionString: fleet.databaseUrl, timeoutMs: 10_000 });
    const [first, ...others] = fleet.hosts;
    if (first === undefined) throw new Error('there is no host');
    hostileId = first.id as HostId;
    honestIds = others.map(({ id }) => id as HostId);
    hostile = await RawNatsClient.connect(
      fleet.natsUrl,
      await readFile(fleet.natsUserOf(first).credentialsFile, 'utf8'),
    );
    hostile.subscribe(`${inboxOfHost(hostileId)}.>`);
    administrator = await connectAs(fleet.administrator);
    events = await connectAs(fleet.eventsAdministrator);
    manager = await jetstreamManager(events, { checkAPI: false });
    const [registered] = await store.read(`host-${hostileId}`);
    const { inventory, agentVersion, protocolVersion, capabilities } =
      registered?.data as HostStreamData['HostRegistered'];
    registration = { kind: 'register', hostId: hostileId, inventory, agentVersion, protocolVersion, capabilities };
    await work();
    pids = services.map((part) => fleet.pidOf(part));
    held = await api.until('every lease is held', async () => {
      const found = await holders();
      return found.some((holder) => holder.endsWith(' none')) ? undefined : found;
    });
  }, 120_000);

  afterAll(async () => {
    hostile?.close();
    await administrator?.close();
    await events?.close();
    await leases?.close();
    await store?.close();
    await fleet?.stop();
  });

  afterEach(async () => {
    await hostile.flush();
    await work();
    for (const pid of pids) process.kill(pid, 0);
    expect(await holders()).toEqual(held);
    const suspected = (await api.allEvents()).filter(({ type }) => type === 'HostSuspected');
    expect(suspected.filter(({ stream }) => stream !== `host-${hostileId}`)).toEqual([]);
    await api.until('the stream of events is whole, with nothing in between', async () => {
      const [{ state }, events] = [await manager.streams.info('EVENTS'), await api.allEvents()];
      const last = await manager.streams.getMessage('EVENTS', { last_by_subj: subjects.allEvents });
      const isWhole = state.messages === events.length && state.last_seq === events.length;
      return isWhole && last?.json<{ id: string }>().id === events.at(-1)?.id ? true : undefined;
    });
    expect(hostile.isClosed).toBe(false);
  }, 60_000);

  it('has services answer nowhere but in its own inbox', async () => {
    const [other = hostileId] = honestIds;
    const foreign = [
      '$JS.API.STREAM.PURGE.EVENTS',
      '$JS.API.STREAM.DELETE.EVENTS',
      subjects.event('default', 'vm', randomUUID(), 'Forged'),
      subjects.hostOrder(other),
      subjects.hostReport(other, 'vm'),
      subjects.command('vm', 'delete'),
      `${inboxOfHost(other)}.x`,
      `${inboxOfService('vm-manager')}.x`,
    ];
    const seen: string[] = [];
    const watch = administrator.subscribe('>', { callback: (_error, { subject }) => void seen.push(subject) });
    await administrator.flush();
    for (const replyTo of foreign) {
      const answers = [inbox(), inbox(), inbox()];
      const [first, second, third] = answers;
      // Each lane is worked on in order, so what is answered here stands behind what is answered there.
      for (const [beat, open, register] of [
        [replyTo, replyTo, replyTo],
        [first, second, third],
      ]) {
        say(subjects.hostHeartbeat(hostileId), { sequence: 1, bootNonce: 'x' }, beat);
        say(vmLane(), { kind: 'open', hostId: hostileId, journalEpoch: 1, nonce: 'n' }, open);
        say(hostLane(), { ...registration, journalId: 'j', bootNonce: 'x' }, register);
      }
      await api.until('every question was answered', async () =>
        answers.every((answer) => hostile.heard.includes(answer)) ? true : undefined,
      );
    }
    await hostile.flush();
    await work();
    await administrator.flush();
    watch.unsubscribe();
    // On the others something true is said all the time; what was forged there would be a dead letter.
    const never = foreign.filter((subject) => !/^drover\.(host|command)\./.test(subject));
    expect(seen.filter((subject) => never.includes(subject))).toEqual([]);
    expect(await store.deadLetters.list({ limit: 1000 })).toEqual([]);
  }, 60_000);

  it('may neither send to itself nor where others hear', async () => {
    const [other = hostileId] = honestIds;
    const before = hostile.errors.length;
    const refused = [
      subjects.hostOrder(hostileId),
      `drover.host.${hostileId}.stream.down.x`,
      inbox(),
      subjects.hostOrder(other),
      subjects.hostReport(other, 'vm'),
      subjects.hostHeartbeat(other),
      subjects.hostProgress(other),
      subjects.command('vm', 'delete'),
      '$JS.API.STREAM.MSG.GET.EVENTS',
    ];
    for (const subject of refused) say(subject, {}, subjects.hostOrder(other));
    await hostile.flush();
    expect(hostile.errors.slice(before)).toHaveLength(refused.length);
  });

  it('ends and delays no service by malformed or huge headers', async () => {
    const many = Array.from({ length: 60_000 }, (_, index) => `h${index.toString(36)}:1\r\n`).join('');
    const blocks = ['NATS/1.0\r\nbad name: x\r\n\r\n', 'nonsense\r\n\r\n', `NATS/1.0\r\n${many}\r\n`];
    const lanes = [
      vmLane(),
      hostLane(),
      ...['heartbeat', 'load', 'progress'].map((lane) => `drover.host.${hostileId}.${lane}`),
    ];
    for (const subject of lanes) {
      for (const block of blocks) {
        for (const payload of ['', '{}']) hostile.publishWithHeaders(subject, block, payload, inbox());
      }
    }
  });

  it('delays no host by floods of each kind of message, and has little of them kept', async () => {
    const load = { hostId: hostileId, at, cpuUsedMillicores: 1, memoryUsedMiB: 1, vms: [], pools: [] };
    for (let index = 0; index < FLOOD; index += 1) {
      say(subjects.hostHeartbeat(hostileId), { sequence: index + 1, bootNonce: `boot-${index}` });
      say(subjects.hostLoad(hostileId), load);
      say(subjects.hostProgress(hostileId), { operationId: randomUUID(), percent: 1, text: 'x' });
      say(vmLane(), { kind: 'open', hostId: hostileId, journalEpoch: 1_000_000 + index, nonce: 'n' });
      say(hostLane(), { kind: 'reports', hostId: hostileId, journalEpoch: 7, reports: [] });
      for (const subject of [vmLane(), hostLane(), subjects.hostProgress(hostileId), subjects.hostLoad(hostileId)]) {
        say(subject, { unreadable: index, at: 'x'.repeat(500) });
      }
    }
    await hostile.flush();
    await work();
    const letters = await store.deadLetters.list({ limit: 10_000 });
    expect(letters.length).toBeGreaterThan(0);
    expect(Math.max(...countsBySubject(letters))).toBeLessThanOrEqual(deadLetterLimits.letters);
    expect(letters.filter(({ subject }) => !subject.includes(hostileId))).toEqual([]);
  }, 120_000);

  it('stops no fleet by numbers that no field can hold', async () => {
    const inventory = registration['inventory'] as { cpu: object };
    const absurd = [3_000_000_000, 2 ** 53 - 1, 2 ** 53, 1e300, -1, 0.5];
    for (const number of absurd) {
      const odd = {
        ...inventory,
        memoryMiB: number,
        cpu: { ...inventory.cpu, count: number, sockets: number, mhz: number },
      };
      say(hostLane(), { ...registration, inventory: odd, journalId: `odd-${number}`, bootNonce: 'odd' });
      say(hostLane(), { ...reports(number, { kind: 'inventory-changed', inventory: odd }), journalEpoch: number });
      say(vmLane(), { ...reports(number, { kind: 'nonsense' }), journalEpoch: number });
      say(subjects.hostHeartbeat(hostileId), { sequence: number, bootNonce: 'odd' });
      say(subjects.hostLoad(hostileId), { hostId: hostileId, at, cpuUsedMillicores: number, memoryUsedMiB: number });
      await hostile.flush();
    }
    await work();
    expect((await api.send('GET', '/cluster/stats')).status).toBe(200);
  }, 60_000);

  it('fills the store neither with VMs that it invents nor with reports that cannot be read', async () => {
    const domainOf = (vmId: string) => ({
      libvirtUuid: vmId,
      title: 'invented',
      powerState: 'RUNNING',
      vcpus: 1,
      memoryMiB: 1,
      ours: { vmId, generation: { epoch: 1, n: 1 }, fingerprint: 'f' },
    });
    const before = await api.allEvents();
    for (let round = 0; round < 3; round += 1) {
      const domains = Array.from({ length: 500 }, () => domainOf(randomUUID()));
      const nonsense = Array.from({ length: 300 }, (_, index) => ({ kind: 'nonsense', round, index }));
      const first = 10_000 + round * 1_000;
      const list = { kind: 'full-list', part: 0, isLast: true, domains, busy: [] };
      const [listed, read] = [inbox(), inbox()];
      say(vmLane(), reports(first, list), listed);
      say(vmLane(), reports(first + 1, ...nonsense), read);
      await api.until('both were settled', async () =>
        [listed, read].every((answer) => hostile.heard.includes(answer)) ? true : undefined,
      );
    }
    const made = (await api.allEvents()).slice(before.length);
    const known = new Set(before.map(({ stream }) => stream));
    expect(made.filter(({ stream }) => stream.startsWith('vm-') && !known.has(stream))).toEqual([]);
    // Two lists' worth are within the budget of an hour, and never more than one list's worth stands at once.
    const told = made.filter(({ stream }) => stream === `strays-${hostileId}`);
    const found = told.filter(({ type }) => type === 'StrayFound').length;
    const gone = told.filter(({ type }) => type === 'StrayGone').length;
    expect(found).toBeGreaterThan(0);
    expect(found).toBeLessThanOrEqual(2 * MAX_STRAYS);
    expect(found - gone).toBeLessThanOrEqual(MAX_STRAYS);
    const letters = await store.deadLetters.list({ limit: 10_000 });
    const unreadable = letters.filter(({ source, subject }) => source === 'vm-manager' && subject.includes(hostileId));
    expect(unreadable.length).toBeGreaterThan(0);
    expect(Math.max(...countsBySubject(unreadable))).toBeLessThanOrEqual(deadLetterLimits.letters);
  }, 60_000);

  it('changes nothing of the VMs of others by its reports', async () => {
    const [hostId = hostileId] = honestIds;
    await api.succeed('POST', '/vms', { name: 'of-another', spec: { placement: { hostId } } });
    const { id } = await api.vm('of-another');
    const history = await api.history('of-another');
    const [placed] = history.filter(({ type }) => type === 'VmPlaced');
    const { generation } = placed?.data as { generation: unknown };
    const change = {
      kind: 'vm-changed',
      subject: { kind: 'vm', id },
      generation,
      change: 'removed',
      cause: 'outside',
      powerState: 'STOPPED',
    };
    const listed = { libvirtUuid: id, title: 'of-another', powerState: 'STOPPED', vcpus: 1, memoryMiB: 1 };
    const list = { kind: 'full-list', part: 0, isLast: true, domains: [listed], busy: [] };
    say(vmLane(), reports(1_000, change, list));
    say(vmLane(), { ...reports(2_000, change), hostId });
    say(hostLane(), { ...registration, hostId, journalId: 'forged', bootNonce: 'forged' });
    await hostile.flush();
    await work();
    expect((await api.vm('of-another')).observed?.powerState).toBe('RUNNING');
    expect(typesOf(await api.history('of-another'))).toEqual(typesOf(history));
    await api.succeed('DELETE', '/vms/of-another');
  }, 60_000);
});

function countsBySubject(letters: readonly DeadLetter[]): readonly number[] {
  const bySubject = Map.groupBy(letters, ({ source, subject }) => `${source} ${subject}`);
  return [...bySubject.values()].map(({ length }) => length);
}

function typesOf(events: readonly StoredEvent[]): readonly string[] {
  return events.map(({ type }) => type);
}
