import { describe, expect, it } from '@jest/globals';
import type { VmOrder } from '@drover/contracts';
import { createLogger, currentTraceId, inSpan } from '@drover/observability';
import { HostBench } from '../testing/host-bench.js';
import { VmOrders } from '../testing/host-orders.js';

describe('the log of orders', () => {
  it('has for each the operation and the trace that it came with, also when it waited behind another', async () => {
    const lines: Record<string, unknown>[] = [];
    const destination = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) };
    const bench = new HostBench({ logger: createLogger('node-agent', { destination }) });
    await bench.start();
    const vm = new VmOrders('a');
    const ordered: { operationId: string; traceId: string | undefined }[] = [];
    const order = (order: VmOrder) =>
      inSpan('operation', {}, async () => {
        await bench.controlPlane.order(order);
        ordered.push({ operationId: order.operationId, traceId: currentTraceId() });
      });
    const held = bench.faults.hold('start', vm.vmId);
    await order(vm.create(1));
    await held.reached;
    await order(vm.plain('reset', 2));
    bench.faults.add({ call: 'pause', code: 'HYPERVISOR_FAILED' });
    await order(vm.plain('pause', 3));
    held.release();
    await bench.controlPlane.end(vm.plain('pause', 3));
    await bench.agent.stop();
    const ends = lines.filter((line) => 'order' in line);
    expect(ends).toMatchObject([
      { level: 'info', message: 'an order has ended', order: 'create', result: 'superseded', vmId: vm.vmId },
      { level: 'info', message: 'an order has ended', order: 'reset', result: 'superseded', vmId: vm.vmId },
      { level: 'warn', message: 'an order failed', order: 'pause', vmId: vm.vmId },
    ]);
    expect(new Set(ordered.map(({ traceId }) => traceId)).size).toBe(3);
    expect(ends.map(({ operationId, traceId }) => ({ operationId, traceId }))).toEqual(ordered);
  });
});
