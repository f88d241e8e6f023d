/** What may never be touched, heard or repeated: titles name rows of `docs/reference/faults.md`. */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect, credsAuthenticator, headers as natsHeaders, type NatsConnection } from '@nats-io/transport-node';
import {
  hostOrderAnswerSchema,
  inboxOfService,
  messageHeaders,
  replySchema,
  sentOrderSchema,
  signedSchema,
  subjectsUnder,
  type HostId,
  type HostResource,
  type HostStraysResource,
  type VmResource,
} from '@drover/contracts';
import { simulatedVolumeName } from '@drover/hypervisor';
import {
  domainsOf,
  Fleet,
  putDomain,
  putVolume,
  volumesOf,
  type FleetApi,
  type FleetPart,
  type NatsUser,
} from '@drover/testing';

const HOSTS = 2;
const subjects = subjectsUnder('drover');
const services: readonly FleetPart[] = ['api-gateway', 'node-agent', 'vm-manager', 'scheduler', 'ha-manager'];

describe('a fleet of two hosts', () => {
  let fleet: Fleet;
  let api: FleetApi;
  const connections: NatsConnection[] = [];

  async function connectAs({ servers, inboxPrefix, credentialsFile }: NatsUser): Promise<NatsConnection> {
    const authenticator = credsAuthenticator(await readFile(credentialsFile));
    const connection = await connect({ servers, inboxPrefix, authenticator });
    connections.push(connection);
    return connection;
  }

  beforeAll(async () => {
    fleet = await Fleet.start({ hypervisor: 'simulated', hosts: HOSTS });
    api = fleet.api;
  }, 120_000);
  afterAll(async () => {
    await Promise.all(connections.map((connection) => connection.close()));
    await fleet?.stop();
  });

  it('late copy of a start after a stop: it does nothing', async () => {
    await api.succeed('POST', '/vms', { name: 'late', powerOn: false });
    const administrator = await connectAs(fleet.administrator);
    const heard: { subject: string; data: Uint8Array }[] = [];
    administrator.subscribe(subjects.hostOrder('*'), {
      callback: (_error, { subject, data }) => void heard.push({ subject, data: data.slice() }),
    });
    await administrator.flush();
    await api.succeed('POST', '/vms/late/start', {});
    await api.succeed('POST', '/vms/late/stop', { mode: 'force' });
    const orderOf = (data: Uint8Array) => {
      const signed = signedSchema.parse(JSON.parse(new TextDecoder().decode(data)));
      return sentOrderSchema.parse(JSON.parse(signed.body)).order;
    };
    const start = heard.find(({ data }) => orderOf(data).kind === 'start');
    if (start === undefined) throw new Error('no start was sent');
    const before = { domains: domainsOf(fleet.home), events: (await api.allEvents()).length };

    const copy = await connectAs(fleet.administrator);
    const headers = natsHeaders();
    headers.set(messageHeaders.id, randomUUID());
    headers.set(messageHeaders.ttlMs, '5000');
    const reply = replySchema.parse(
      (await copy.request(start.subject, start.data, { headers, timeout: 5_000 })).json(),
    );
    if (!reply.ok) throw new Error(`the agent answered ${reply.error.code}`);
    expect(hostOrderAnswerSchema.parse(reply.value).kind).toBe('superseded');
    await api.succeed('POST', '/vms', {
      name: 'after-late',
      spec: { placement: { hostId: start.subject.split('.')[2] } },
    });
    expect(domainsOf(fleet.home).filter((domain) => domain.title === 'late')).toEqual(
      before.domains.filter((domain) => domain.title === 'late'),
    );
    expect((await api.vm('late')).observed?.powerState).toBe('STOPPED');
    const since = (await api.allEvents()).slice(before.events);
    const { id } = await api.vm('late');
    expect(since.filter((event) => event.stream === `vm-${id}`)).toEqual([]);
  });

  describe("a host's credentials on subjects that are not its own: refused", () => {
    const other = () => String(fleet.hosts[1]?.id) as HostId;
    const own = () => {
      const host = fleet.hosts[0];
      if (host === undefined) throw new Error('no host');
      return fleet.natsUserOf(host);
    };

    it.each([
      ['report for another host', () => subjects.hostReport(other(), 'vm')],
      ['report to ha-manager for another host', () => subjects.hostReport(other(), 'host')],
      ['beat for another host', () => subjects.hostHeartbeat(other())],
      ['tell the load of another host', () => subjects.hostLoad(other())],
      ['command another host', () => subjects.hostOrder(other())],
      ['command itself', () => subjects.hostOrder(fleet.hosts[0]?.id as HostId)],
      ['create a VM', () => subjects.command('vm', 'create')],
      ['uncordon itself', () => subjects.command('host', 'uncordon')],
      ['ask the scheduler', () => subjects.query('placement', 'place')],
      ['forge an event', () => subjects.event('default', 'vm', randomUUID(), 'VmDeleted')],
      ['answer in the inbox of a service', () => `${inboxOfService('vm-manager')}.x`],
      ['delete the stream of events', () => '$JS.API.STREAM.DELETE.EVENTS'],
      ['purge the stream of events', () => '$JS.API.STREAM.PURGE.EVENTS'],
    ])('may not %s', async (_deed, subjectOf) => {
      const host = await connectAs(own());
      const subject = subjectOf();
      const refusal = (async () => {
        for await (const status of host.status()) if (status.type === 'error') return status.error;
        return undefined;
      })();
      host.publish(subject, '{}');
      await expect(refusal).resolves.toMatchObject({ operation: 'publish', subject });
    });

    it.each([
      ['the commands of another host', () => subjects.hostOrder(other())],
      ['the commands of every host', () => subjects.hostOrder('*')],
      ['what clients ask vm-manager', () => subjects.command('vm', '*')],
      ['the reports of another host', () => subjects.hostReport(other(), 'vm')],
      ['events', () => subjects.allEvents],
      ['the inbox of a service', () => `${inboxOfService('vm-manager')}.>`],
      ['the usual inboxes', () => '_INBOX.>'],
      ['everything', () => '>'],
    ])('may not hear %s', async (_what, subjectOf) => {
      const host = await connectAs(own());
      const refused = new Promise((resolve) => host.subscribe(subjectOf(), { callback: (error) => resolve(error) }));
      await expect(refused).resolves.toMatchObject({ operation: 'subscription' });
    });

    it('no client connects without credentials', async () => {
      await expect(connect({ servers: fleet.natsUrl, maxReconnectAttempts: 0 })).rejects.toThrow(/authorization/i);
    });
  });

  it('foreign volume in the way of a create: it is left alone, and the create is undone as if never asked', async () => {
    const allocated = async () =>
      (await api.expectDone<{ items: HostResource[] }>('GET', '/hosts')).items.map((host) => host.allocated);
    const before = { allocated: await allocated(), domains: domainsOf(fleet.home) };
    const body = {
      name: 'in-the-way',
      spec: {
        disks: [
          { name: 'data', sizeMiB: 10 },
          { name: 'root', image: 'guest' },
        ],
      },
    };
    // The command waits for an agent that takes it only when the volume is there.
    fleet.freeze('node-agent');
    const operationId = await api.begin('POST', '/vms', body);
    const { id: vmId } = await api.vmUntil('in-the-way', (vm) => vm.placement !== null);
    await fleet.endPart('node-agent');
    const volume = { pool: 'default', name: simulatedVolumeName({ vmId }, 'root'), sizeMiB: 5 };
    for (const host of fleet.hosts) putVolume(fleet.home, host.id, volume);
    await fleet.startPart('node-agent');
    const operation = await api.ended(operationId);
    expect(operation).toMatchObject({ state: 'FAILED', error: { code: 'VOLUME_FOREIGN' }, left: [] });
    const types = (await api.history(vmId)).map((event) => event.type);
    // Each host that is tried refuses; which of the others can be placed on depends on when they are alive again.
    const tried = types.filter((type) => type !== 'VmPlacementFailed' && type !== 'VmPlaced');
    expect(tried).toEqual(['VmRequested', 'OperationBegan', 'OperationFailed', 'VmDeleted']);
    expect(types.filter((type) => type === 'VmPlaced').length).toBeLessThanOrEqual(3);
    expect({ allocated: await allocated(), domains: domainsOf(fleet.home) }).toEqual(before);
    const left = fleet.hosts
      .flatMap((host) => volumesOf(fleet.home, host.id))
      .filter(({ name }) => name.includes(vmId));
    expect(left).toEqual(fleet.hosts.map(() => volume));
    await api.succeed('POST', '/vms', body);
  });

  it('services started before their servers: they wait for them, and then serve', async () => {
    for (const part of [...services, 'postgres', 'nats'] as const) await fleet.endPart(part);
    const started = Promise.all(services.map((part) => fleet.startPart(part)));
    await fleet.startPart('postgres');
    await fleet.startPart('nats');
    await started;
    await api.hostsAlive(HOSTS);
    await api.succeed('POST', '/vms', { name: 'after-all' });
  });

  it('empty event store on hosts with running VMs: nothing is touched', async () => {
    for (let index = 0; index < 6; index += 1) await api.succeed('POST', '/vms', { name: `keep-${index}` });
    for (const part of services) await fleet.endPart(part);
    await fleet.endPart('postgres');
    const [host] = fleet.hosts;
    putDomain(fleet.home, String(host?.id), {
      uuid: randomUUID(),
      title: 'somebody-else',
      vcpus: 2,
      memoryMiB: 1024,
      networks: ['default'],
      powerState: 'RUNNING',
      ignoresAcpi: false,
      boots: 1,
    });
    const domains = domainsOf(fleet.home);
    expect(domains.length).toBeGreaterThan(6);
    await fleet.wipePostgres();
    await fleet.startPart('postgres');
    for (const part of [...services].reverse()) await fleet.startPart(part);
    api.forgetPosition();
    await api.hostsAlive(HOSTS);

    const ours = domains.filter((domain) => domain.mark !== undefined);
    const strays = await api.until('every VM of ours is told as a stray', async () => {
      const found = await Promise.all(
        fleet.hosts.map((one) => api.expectDone<HostResource>('GET', `/hosts/${one.id}`)),
      );
      const seen = found.flatMap((one) => one.strays ?? []);
      return seen.length >= ours.length ? seen : undefined;
    });
    expect(strays.map((stray) => stray.vmId).sort()).toEqual(ours.map((domain) => domain.uuid).sort());
    expect(new Set(strays.map((stray) => stray.kind))).toEqual(new Set(['unknown']));
    const { items: withStrays } = await api.expectDone<{ items: HostStraysResource[] }>('GET', '/strays');
    expect(withStrays.flatMap((host) => host.strays.map(({ vmId }) => vmId)).sort()).toEqual(
      strays.map(({ vmId }) => vmId).sort(),
    );
    expect((await api.expectDone<{ items: VmResource[] }>('GET', '/vms')).items).toEqual([]);
    await api.succeed('POST', '/vms', { name: 'new-life' });
    expect(domainsOf(fleet.home).filter((domain) => domain.title !== 'new-life')).toEqual(domains);

    const manager = await jetstreamManager(await connectAs(fleet.eventsAdministrator), { checkAPI: false });
    const idOf = async (query: { seq: number } | { last_by_subj: string }) =>
      (await manager.streams.getMessage('EVENTS', query))?.json<{ id: string }>().id;
    const stored = await api.until('the stream of events ends where the new store does', async () => {
      const events = await api.allEvents();
      return (await idOf({ last_by_subj: subjects.allEvents })) === events.at(-1)?.id ? events : undefined;
    });
    const { state } = await manager.streams.info('EVENTS');
    expect(state.messages).toBe(stored.length);
    for (const [index, { id }] of stored.entries()) expect(await idOf({ seq: state.first_seq + index })).toBe(id);
  });
});
