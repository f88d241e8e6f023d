import { describe, expect, it } from '@jest/globals';
import { vmVerbNames, vmVerbs, type VmOrder, type PowerState, type VmVerb } from '@drover/contracts';
import { hypervisorCalls, type Hypervisor, type HypervisorCall } from '@drover/hypervisor';
import { errorCodes, LibvirtError, type LibvirtClient } from '@drover/libvirt-rpc';
import { LibvirtHypervisor } from './adapters/outbound/libvirt/libvirt-hypervisor.driver.js';
import { orderTraits } from './domain/orders/order-steps.policy.js';
import { HostBench } from './testing/host-bench.js';
import { VmOrders } from './testing/host-orders.js';

const vm = new VmOrders('a');
const orderOf = (verb: VmVerb, revision: number): VmOrder => {
  if (verb === 'start' || verb === 'stop' || verb === 'reboot') return vm[verb](revision);
  return vm.plain(verb, revision);
};
/** How a running VM comes to the state in which the verb has something to do. */
const ways: readonly (readonly [PowerState, ...VmOrder[]])[] = [
  ['RUNNING'],
  ['STOPPED', vm.forceStop(2)],
  ['PAUSED', vm.plain('pause', 2)],
];
/** Calls that change no VM, and the mark that every order leaves. */
const looks: readonly HypervisorCall[] = [
  'inventory',
  'load',
  'list',
  'heldMemoryMiB',
  'observe',
  'lookAtVolumes',
  'mark',
];
const deeds = new Set<PropertyKey>(hypervisorCalls.filter((call) => !looks.includes(call)));

type Made = readonly [call: HypervisorCall, given: readonly unknown[]];

/** The same driver, whose calls that change a VM are written down. */
function heard(driver: Hypervisor, made: Made[]): Hypervisor {
  return new Proxy(driver, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      return (...given: unknown[]): unknown => {
        if (deeds.has(name)) made.push([name as HypervisorCall, given]);
        return Reflect.apply(member, target, given);
      };
    },
  });
}

/** What the driver for libvirt asks it for, where every question is cut off. */
async function askedOfLibvirt([call, given]: Made): Promise<readonly string[]> {
  const sent: string[] = [];
  const cut = (procedure: string): Promise<never> => {
    sent.push(procedure);
    const facts = { code: errorCodes.RPC, origin: 'client', outcome: 'unknown' } as const;
    return Promise.reject(new LibvirtError('the connection was cut', { ...facts, procedure: 'DOMAIN_GET_XML_DESC' }));
  };
  const client = { call: cut } as unknown as LibvirtClient;
  const pools = [{ name: 'default', libvirtName: 'default', reservedMiB: 0 }];
  const driver = new LibvirtHypervisor({ client, accelerator: 'kvm', imageFolder: '/images', pools, networks: [] });
  await Promise.allSettled([Reflect.apply(driver[call], driver, given)]);
  return sent;
}

describe('a verb on a host', () => {
  it.each(vmVerbNames)('%s is done on the simulated hypervisor, and asks libvirt', async (verb) => {
    const { desired, isOnce } = vmVerbs[verb];
    const { needs } = orderTraits[verb];
    const way = ways.find(([state]) => (needs?.includes(state) ?? true) && (isOnce || state !== desired));
    if (way === undefined) throw new Error(`${verb} has no state to be done in`);
    const [, ...before] = way;
    const bench = new HostBench();
    const made: Made[] = [];
    await bench.start({ hypervisor: (driver) => heard(driver, made) });
    for (const order of [vm.create(1), ...before]) {
      await bench.controlPlane.order(order);
      await bench.controlPlane.end(order);
    }
    made.length = 0;
    const order = orderOf(verb, 3);
    await bench.controlPlane.order(order);
    expect(await bench.controlPlane.end(order)).toMatchObject({ powerState: desired, result: { kind: 'done' } });
    await bench.agent.stop();
    expect(made).not.toEqual([]);
    for (const call of made) expect([call[0], await askedOfLibvirt(call)]).not.toEqual([call[0], []]);
  });
});
