import { describe, expect, it } from '@jest/globals';
import {
  imageIdSchema,
  operationIdSchema,
  orderIdSchema,
  type ImageInspected,
  type ImageOrder,
  type VmOrder,
} from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';
import { defaultLimits } from './agent-settings.js';
import { HostBench } from '../testing/host-bench.js';
import { VmOrders } from '../testing/host-orders.js';

const order = (name: string, revision = 1): ImageOrder => ({
  kind: 'inspect-image',
  orderId: orderIdSchema.parse(derivedId(`${name}/${revision}`, 'order')),
  operationId: operationIdSchema.parse(derivedId(`${name}/${revision}`, 'operation')),
  subject: { kind: 'image', id: imageIdSchema.parse(derivedId(name, 'image')) },
  generation: { epoch: 1, n: 1 },
  revision,
  ttlMs: 60_000,
  name,
});

function reports({ controlPlane }: HostBench, of: ImageOrder): readonly ImageInspected[] {
  return controlPlane.vmReports.flatMap((report) =>
    report.kind === 'image-inspected' && report.orderId === of.orderId ? [report] : [],
  );
}

const reported = (bench: HostBench, of: ImageOrder) =>
  bench.controlPlane.when(() => reports(bench, of)[0], 'the report of an image');

describe('an order to inspect an image', () => {
  it('is answered with what the image is, once', async () => {
    const bench = new HostBench();
    await bench.start();
    expect(await bench.controlPlane.order(order('guest'))).toEqual({ kind: 'taken' });
    const { result, subject } = await reported(bench, order('guest'));
    expect(subject).toEqual(order('guest').subject);
    expect(result).toMatchObject({ kind: 'done', contents: { format: 'qcow2', virtualSizeBytes: 64 * 1024 ** 2 } });
    expect(await bench.controlPlane.order(order('guest'))).toEqual({ kind: 'taken' });
    expect(reports(bench, order('guest'))).toHaveLength(1);
    await bench.agent.stop();
  });

  it('says why the host has no such image', async () => {
    const bench = new HostBench();
    await bench.start();
    await bench.controlPlane.order(order('absent'));
    expect(await reported(bench, order('absent'))).toMatchObject({
      result: { kind: 'failed', error: { code: 'IMAGE_NOT_FOUND' } },
    });
    await bench.agent.stop();
  });

  it('holds up no VM and no list, however long it takes, and waits for the one before', async () => {
    const bench = new HostBench();
    await bench.start();
    const held = bench.faults.hold('inspectImage');
    await bench.controlPlane.order(order('guest'));
    await held.reached;
    await bench.controlPlane.order(order('absent'));
    const vm = new VmOrders('a');
    await bench.controlPlane.order(vm.create(1));
    expect(await bench.controlPlane.end(vm.create(1))).toMatchObject({ result: { kind: 'done' } });
    expect(reports(bench, order('absent'))).toEqual([]);
    held.release();
    await reported(bench, order('absent'));
    expect(reports(bench, order('guest'))).toHaveLength(1);
    await bench.agent.stop();
  });

  it('is carried out by the next agent, and told once, where its own was ended before', async () => {
    const bench = new HostBench();
    await bench.start();
    const held = bench.faults.hold('inspectImage');
    await bench.controlPlane.order(order('guest'));
    await held.reached;
    await bench.agent.stop();
    held.release();
    await bench.start();
    expect(await reported(bench, order('guest'))).toMatchObject({ result: { kind: 'done' } });
    expect(await bench.controlPlane.order(order('guest'))).toEqual({ kind: 'taken' });
    await bench.agent.stop();
    expect(reports(bench, order('guest'))).toHaveLength(1);
  });
});

describe('a VM on an image whose content is named', () => {
  it('is not started on other files that have taken their place, and is when they are back', async () => {
    const bench = new HostBench();
    await bench.start();
    const [image] = bench.machine.images;
    if (image === undefined) throw new Error('a simulated host has an image');
    await bench.controlPlane.order(order(image.name));
    const { result } = await reported(bench, order(image.name));
    if (result.kind !== 'done') throw new Error('the image was inspected');
    const spec = { disks: [{ name: 'root', image: `${image.name}@${result.contents.digest}` }] };
    const vm = new VmOrders('a');
    const ended = async (sent: VmOrder) => {
      await bench.controlPlane.order(sent);
      return bench.controlPlane.end(sent);
    };
    expect(await ended(vm.create(1, { powerOn: false, spec }))).toMatchObject({ result: { kind: 'done' } });
    bench.machine.addImage({ ...image, content: 'another' });
    expect(await ended(vm.start(2, { spec }))).toMatchObject({
      result: { kind: 'failed', error: { code: 'IMAGE_CHANGED' } },
    });
    bench.machine.addImage(image);
    expect(await ended(vm.start(3, { spec }))).toMatchObject({ powerState: 'RUNNING', result: { kind: 'done' } });
    await bench.agent.stop();
  });

  it('is waited for by nothing else, however many wait for their images', async () => {
    const bench = new HostBench();
    await bench.start();
    const [image] = bench.machine.images;
    if (image === undefined) throw new Error('a simulated host has an image');
    await bench.controlPlane.order(order(image.name));
    const { result } = await reported(bench, order(image.name));
    if (result.kind !== 'done') throw new Error('the image was inspected');
    const spec = { disks: [{ name: 'root', image: `${image.name}@${result.contents.digest}` }] };
    const ended = async (sent: VmOrder) => {
      await bench.controlPlane.order(sent);
      return bench.controlPlane.end(sent);
    };
    const running = new VmOrders('running');
    await ended(running.create(1));
    const waiting = Array.from({ length: defaultLimits.parallelCalls }, (_, index) => new VmOrders(`waiting-${index}`));
    for (const vm of waiting) await ended(vm.create(1, { powerOn: false, spec }));
    const held = bench.faults.hold('inspectImage');
    for (const vm of waiting) await bench.controlPlane.order(vm.start(2, { spec }));
    await held.reached;
    expect(await ended(running.forceStop(2))).toMatchObject({ powerState: 'STOPPED' });
    held.release();
    for (const vm of waiting) {
      expect(await bench.controlPlane.end(vm.start(2, { spec }))).toMatchObject({ powerState: 'RUNNING' });
    }
    await bench.agent.stop();
  });
});
