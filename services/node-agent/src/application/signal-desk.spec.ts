import { beforeEach, describe, expect, it } from '@jest/globals';
import type { VmOrder } from '@drover/contracts';
import { VmOrders } from '../testing/host-orders.js';
import { SignalDesk } from './signal-desk.js';
import { OrderInFlight, VmWork, type VmSignal } from './vm-work.js';

const vm = new VmOrders('a');
const signal = (change: VmSignal['change'], powerState: VmSignal['powerState'], cause: VmSignal['cause'] = 'outside') =>
  ({ kind: 'vm-changed', vmId: vm.vmId, change, powerState, cause }) as const;

describe('telling own signals from others', () => {
  let nowMs: number;
  let reported: VmSignal['change'][];
  let work: VmWork;
  let desk: SignalDesk;
  beforeEach(() => {
    nowMs = 0;
    reported = [];
    work = new VmWork();
    const clock = { epochMs: () => nowMs, monotonicMs: () => nowMs };
    desk = new SignalDesk(work, clock, ({ change }) => reported.push(change));
  });

  function begin(order: VmOrder): OrderInFlight {
    const flight = new OrderInFlight(order);
    work.inFlight.set(vm.vmId, flight);
    return flight;
  }

  function end(flight: OrderInFlight, powerState: VmSignal['powerState']): void {
    work.inFlight.delete(vm.vmId);
    desk.afterOrder(flight, powerState);
  }

  it('keeps a signal that comes after the end of the order that caused it, once', () => {
    end(begin(vm.start(1)), 'RUNNING');
    desk.take(signal('started', 'RUNNING'));
    expect(reported).toEqual([]);
    desk.take(signal('started', 'RUNNING'));
    expect(reported).toEqual(['started']);
  });

  it('reports a signal like its own when its own has come already', () => {
    const flight = begin(vm.plain('reset', 1));
    desk.take(signal('rebooted', 'RUNNING', 'guest'));
    end(flight, 'RUNNING');
    desk.take(signal('rebooted', 'RUNNING', 'guest'));
    expect(reported).toEqual(['rebooted']);
  });

  it('does not wait for a late signal for ever', () => {
    end(begin(vm.start(1)), 'RUNNING');
    nowMs = 60_000;
    desk.take(signal('started', 'RUNNING'));
    expect(reported).toEqual(['started']);
  });

  it('reports what contradicts the end of the order', () => {
    end(begin(vm.start(1)), 'RUNNING');
    desk.take(signal('stopped', 'STOPPED', 'guest'));
    desk.take(signal('started', 'RUNNING'));
    expect(reported).toEqual(['stopped', 'started']);
  });

  it('reports after the end of an order what the order does not explain and still holds', () => {
    const flight = begin(vm.start(1));
    desk.take(signal('started', 'RUNNING'));
    desk.take(signal('io-error', 'PAUSED', 'host'));
    expect(reported).toEqual([]);
    end(flight, 'PAUSED');
    expect(reported).toEqual(['io-error']);
  });

  it('drops what the end of the order has overtaken', () => {
    const flight = begin(vm.forceStop(1));
    desk.take(signal('io-error', 'PAUSED', 'host'));
    desk.take(signal('stopped', 'STOPPED'));
    end(flight, 'STOPPED');
    expect(reported).toEqual([]);
  });

  it('reports what happened after the last look at the VM, behind the end of the order', () => {
    const flight = begin(vm.start(1));
    flight.isEnding = true;
    desk.take(signal('started', 'RUNNING'));
    desk.take(signal('crashed', 'CRASHED', 'crash'));
    end(flight, 'RUNNING');
    expect(reported).toEqual(['crashed']);
  });
});
