import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type VmId, type VmStateReport, errors } from '@drover/contracts';
import type { Hypervisor } from '@drover/hypervisor';
import { HostBench } from '../testing/host-bench.js';
import { VmOrders } from '../testing/host-orders.js';

describe('a look at a VM, on request', () => {
  let bench: HostBench;
  const vm = new VmOrders('web');

  beforeEach(() => {
    bench = new HostBench();
  });
  afterEach(() => bench.agent.stop());

  const states = () =>
    bench.controlPlane.vmReports.filter((report): report is VmStateReport => report.kind === 'vm-state');
  const kinds = () => bench.controlPlane.vmReports.map(({ kind }) => kind).filter((kind) => kind !== 'full-list');
  const look = (revision: number) => {
    const { orderId } = vm.forceStop(revision);
    return bench.controlPlane.send({ kind: 'look', subject: vm.subject, orderId });
  };
  const ended = (orderId: string) =>
    bench.controlPlane.when(() => bench.controlPlane.finished(orderId), 'the end of the order');
  const reported = () => bench.controlPlane.when(() => states().at(-1), 'the state');

  it('is reported behind all that was reported before, and changes nothing', async () => {
    await bench.start();
    const create = vm.create(1);
    await bench.controlPlane.send(create);
    await ended(create.orderId);
    expect(await look(9)).toEqual({ kind: 'taken' });
    expect(await reported()).toMatchObject({ powerState: 'RUNNING', generation: create.generation });
    expect(states().at(-1)).not.toHaveProperty('underWay');
    expect(kinds()).toEqual(['order-finished', 'vm-state']);
    const stop = vm.forceStop(2);
    expect(await bench.controlPlane.send(stop)).toEqual({ kind: 'taken' });
  });

  it('tells of a VM that is not there, and of an order that is under way', async () => {
    const going = Promise.withResolvers<void>();
    await bench.start({
      hypervisor: (driver): Hypervisor =>
        instead(driver, {
          createVolumes: async (...[definition, tell]: Parameters<Hypervisor['createVolumes']>) => {
            await going.promise;
            return driver.createVolumes(definition, tell);
          },
        }),
    });
    await bench.controlPlane.send(vm.create(1));
    await bench.controlPlane.send({ kind: 'look', subject: vm.subject, orderId: vm.create(1).orderId });
    expect(await reported()).toMatchObject({ powerState: 'ABSENT', underWay: 'forward' });
    going.resolve();
  });

  it('tells that what runs is being taken back, also where another order is asked about', async () => {
    const [looked, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    await bench.start({
      hypervisor: (driver): Hypervisor =>
        instead(driver, {
          // The domain runs, and its start fails all the same: it is stopped and removed again.
          start: async (vmId: VmId) => {
            await driver.start(vmId);
            throw errors.HYPERVISOR_FAILED('unknown', 'a hook failed');
          },
          forceStop: async (vmId: VmId) => {
            held.resolve();
            await looked.promise;
            return driver.forceStop(vmId);
          },
          observe: async (vmId: VmId) => {
            const seen = await driver.observe(vmId);
            return isFailing && seen.powerState === 'RUNNING' ? { ...seen, powerState: 'STOPPED' } : seen;
          },
        }),
    });
    let isFailing = true;
    const create = vm.create(1);
    await bench.controlPlane.send(create);
    await held.promise;
    isFailing = false;
    await bench.controlPlane.send({ kind: 'look', subject: vm.subject, orderId: create.orderId });
    expect(await reported()).toMatchObject({ powerState: 'RUNNING', underWay: 'undoing' });
    const start = vm.start(2);
    await bench.controlPlane.send(start);
    await look(2);
    await bench.controlPlane.send({ kind: 'look', subject: vm.subject, orderId: start.orderId });
    await bench.controlPlane.when(() => (states().length === 3 ? true : undefined), 'three states');
    expect(states().map(({ underWay }) => underWay)).toEqual(['undoing', 'undoing', 'undoing']);
    looked.resolve();
    expect(await ended(create.orderId)).toMatchObject({ powerState: 'ABSENT', result: { kind: 'failed' } });
  });

  it('is refused, as any order is, where it has a field that this release does not know', async () => {
    await bench.start();
    const order = { ...vm.create(1), isEncrypted: true };
    expect(await bench.controlPlane.send(order)).toMatchObject({
      kind: 'refused',
      code: 'PROTOCOL_UNSUPPORTED',
      detail: expect.stringContaining('isEncrypted'),
    });
    expect(bench.machine.domain(vm.vmId)).toBeUndefined();
  });

  it('is taken once more when the VM changes meanwhile', async () => {
    let looks = 0;
    await bench.start({
      hypervisor: (driver): Hypervisor =>
        instead(driver, {
          observe: async (vmId: Parameters<Hypervisor['observe']>[0]) => {
            const seen = await driver.observe(vmId);
            looks += 1;
            // Stopped behind our back, right after it was seen to run.
            if (isWatched && looks === 1) bench.machine.destroyBehindBack(vmId);
            return seen;
          },
        }),
    });
    let isWatched = false;
    const create = vm.create(1);
    await bench.controlPlane.send(create);
    await ended(create.orderId);
    [looks, isWatched] = [0, true];
    await look(9);
    expect(await reported()).toMatchObject({ powerState: 'STOPPED' });
    expect(kinds()).toEqual(['order-finished', 'vm-changed', 'vm-state']);
  });
});

/** The driver with some of its calls replaced. */
function instead(driver: Hypervisor, calls: Partial<Hypervisor>): Hypervisor {
  const call = (name: string | symbol): unknown => Reflect.get(name in calls ? calls : driver, name);
  return new Proxy(driver, {
    get: (_, name) => {
      const found = call(name);
      return typeof found === 'function' ? (found as () => unknown).bind(name in calls ? calls : driver) : found;
    },
  });
}
