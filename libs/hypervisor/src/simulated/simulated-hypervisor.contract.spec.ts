import { hypervisorContract } from '../testing/hypervisor.contract.js';
import { simulatedVolumeName } from './settled-definition.policy.js';
import { SimulatedHypervisor } from './simulated-hypervisor.driver.js';
import { SimulatedMachine } from './simulated-machine.driver.js';

hypervisorContract('simulated', () => {
  const machine = new SimulatedMachine();
  return Promise.resolve({
    connect: () => new SimulatedHypervisor(machine),
    spec: { disks: [{ name: 'root', image: 'guest' }], nics: [{ network: 'default' }] },
    image: 'guest',
    guestObeys: true,
    volumeOf: (vm, diskName) => ({ pool: 'default', volume: simulatedVolumeName(vm, diskName) }),
    outside: {
      start: (vmId) => Promise.resolve(machine.startByHand(vmId)),
      destroy: (vmId) => Promise.resolve(machine.destroyBehindBack(vmId)),
      addForeignDomain: (uuid) => Promise.resolve(void machine.addForeignDomain({ uuid, isRunning: false })),
      removeForeignDomain: (uuid) => Promise.resolve(machine.removeDomain(uuid)),
      putVolume: ({ pool, volume }) => Promise.resolve(machine.addForeignVolume(pool, volume)),
      hasVolume: ({ pool, volume }) => Promise.resolve(machine.volume(pool, volume) !== undefined),
      removeVolume: ({ pool, volume }) => Promise.resolve(machine.removeVolume(pool, volume)),
      growVolume: ({ pool, volume }, sizeMiB) => Promise.resolve(machine.putVolume({ pool, name: volume, sizeMiB })),
      losePool: (pool) => Promise.resolve(machine.losePool(pool)),
      findPool: (pool) => Promise.resolve(machine.findPool(pool)),
      forgetProcess: (vmId) => {
        machine.stopDaemon();
        machine.forgetProcess(vmId);
        return Promise.resolve(machine.startDaemon());
      },
    },
    remove: () => Promise.resolve(),
  });
});
