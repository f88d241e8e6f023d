import { hypervisorContract } from '../testing/hypervisor.contract.js';
import { SimulatedHypervisor } from './simulated-hypervisor.driver.js';
import { SimulatedMachine } from './simulated-machine.driver.js';

hypervisorContract('simulated', () => {
  const machine = new SimulatedMachine();
  return Promise.resolve({
    connect: () => new SimulatedHypervisor(machine),
    spec: { disks: [{ name: 'root', image: 'guest' }], nics: [{ network: 'default' }] },
    guestObeys: true,
    outside: {
      start: (vmId) => Promise.resolve(machine.startByHand(vmId)),
      destroy: (vmId) => Promise.resolve(machine.destroyBehindBack(vmId)),
      addForeignDomain: (uuid) => Promise.resolve(void machine.addForeignDomain({ uuid, isRunning: false })),
      removeForeignDomain: (uuid) => Promise.resolve(machine.removeDomain(uuid)),
    },
    remove: () => Promise.resolve(),
  });
});
