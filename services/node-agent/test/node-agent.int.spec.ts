import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { hostIdSchema } from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';
import { answered, connectMessaging, createOrderKey, OrderSigner, type NatsMessaging } from '@drover/messaging';
import { createMetrics, silentLogger } from '@drover/observability';
import { startService, type RunningService } from '@drover/service-kit';
import { startNats, type NatsServer } from '@drover/testing';
import { nodeAgentConfigSchema } from '../src/config.js';
import { nodeAgentService } from '../src/node-agent.service.js';
import { ControlPlaneDouble } from '../src/testing/control-plane-double.js';
import { VmOrders } from '../src/testing/host-orders.js';

describe('the node agents of a simulated fleet, over NATS', () => {
  const hostIds = ['one', 'two'].map((name) => hostIdSchema.parse(derivedId('int', name)));
  let server: NatsServer;
  let messaging: NatsMessaging;
  let home: string;
  let service: RunningService;
  let controlPlanes: readonly ControlPlaneDouble[];

  const start = (): Promise<RunningService> => {
    const config = nodeAgentConfigSchema.parse({
      home,
      nats: { url: server.url },
      hypervisor: { kind: 'simulated', imageFolder: home, poolFolder: home },
      orders: { publicKeysFile: path.join(home, 'order-keys') },
      hosts: hostIds.map((id) => ({ id, name: `sim-${id.slice(0, 4)}`, journalFolder: path.join(home, id) })),
      nodeAgent: { loadIntervalMs: 50 },
    });
    return startService(nodeAgentService(config), { logger: silentLogger, metrics: createMetrics() });
  };
  const firstOf = (): ControlPlaneDouble => {
    const [first] = controlPlanes;
    if (first === undefined) throw new Error('there is no host');
    return first;
  };

  beforeAll(async () => {
    server = await startNats();
    home = await mkdtemp(path.join(tmpdir(), 'drover-agents-'));
    messaging = await connectMessaging({
      name: 'vm-manager',
      servers: server.url,
      logger: silentLogger,
      deadLetters: { keep: () => Promise.reject(new Error('a message was unreadable')) },
    });
    controlPlanes = hostIds.map((hostId) => new ControlPlaneDouble(messaging, hostId));
    // Loads follow the pace of the heartbeats.
    for (const controlPlane of controlPlanes) controlPlane.heartbeatIntervalMs = 100;
    await writeFile(path.join(home, 'order-keys'), controlPlanes.map(({ key }) => key.publicKey).join('\n'));
    await messaging.flush();
    service = await start();
  }, 20_000);
  afterAll(async () => {
    await service.stop();
    await messaging.close();
    await server.stop();
    await rm(home, { recursive: true });
  }, 20_000);

  it('registers every host and carries out what each is told', async () => {
    for (const [index, controlPlane] of controlPlanes.entries()) {
      const create = new VmOrders(`vm-${index}`).create(1);
      expect(await controlPlane.order(create)).toEqual({ kind: 'taken' });
      expect(await controlPlane.end(create)).toMatchObject({ powerState: 'RUNNING' });
      expect(controlPlane.registrations[0]).toMatchObject({
        hostId: hostIds[index],
        inventory: { hypervisor: 'simulated' },
      });
    }
    expect((await service.health.ready()).isOk).toBe(true);
  });

  it('tells its load', async () => {
    const told = Promise.withResolvers<unknown>();
    const subscription = messaging.subscribe(messaging.subjects.hostLoad('*'), ({ payload }) => told.resolve(payload));
    expect(await told.promise).toMatchObject({ vms: [{ memoryMiB: 128 }] });
    await subscription.stop();
  });

  it('refuses what is not signed, and believes a key as soon as it stands in the list', async () => {
    const subject = messaging.subjects.hostOrder(firstOf().hostId);
    const file = path.join(home, 'order-keys');
    const vm = new VmOrders('vm-0');
    const signedBy = (key: { privateKey: string }) =>
      new OrderSigner(key.privateKey, firstOf().fleetId).sign('order', firstOf().hostId, {
        journalEpoch: 1,
        order: vm.create(1),
      });
    const ask = (payload: unknown) => messaging.request(subject, payload, { ttlMs: 2_000 });
    const refused = { kind: 'rejected', rejection: { code: 'SIGNATURE_INVALID' } };
    expect(await ask(vm.create(1))).toMatchObject(refused);
    const next = createOrderKey();
    expect(await ask(signedBy(next))).toMatchObject(refused);
    const before = await readFile(file, 'utf8');
    await writeFile(file, `${before}\n${next.publicKey}\n`);
    expect(await ask(signedBy(next))).toEqual(answered({ kind: 'taken' }));
    await writeFile(file, before);
    expect(await ask(signedBy(next))).toMatchObject(refused);
  });

  it('finds its VMs running after its restart, and remembers the order of orders', async () => {
    await service.stop();
    const listsBefore = firstOf().vmReports.filter(({ kind }) => kind === 'full-list').length;
    service = await start();
    const lists = () => firstOf().vmReports.filter((report) => report.kind === 'full-list');
    const list = await firstOf().when(() => lists()[listsBefore], 'the full list');
    const vm = new VmOrders('vm-0');
    expect(list.domains).toMatchObject([{ libvirtUuid: vm.vmId, powerState: 'RUNNING', ours: { vmId: vm.vmId } }]);
    expect(await firstOf().order(vm.forceStop(5))).toEqual({ kind: 'taken' });
    expect(await firstOf().end(vm.forceStop(5))).toMatchObject({ powerState: 'STOPPED' });
    expect(await firstOf().send(vm.start(3))).toMatchObject({ kind: 'superseded' });
  });

  it('goes on after nats-server was killed and started again', async () => {
    const openings = firstOf().openings;
    await server.kill9();
    await server.start();
    await firstOf().when(() => (firstOf().openings > openings ? true : undefined), 'the lane to open again', 15_000);
    const start = new VmOrders('vm-0').start(8);
    expect(await firstOf().order(start)).toEqual({ kind: 'taken' });
    expect(await firstOf().end(start)).toMatchObject({ powerState: 'RUNNING' });
  }, 30_000);
});
