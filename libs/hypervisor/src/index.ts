export * from './hypervisor.port.js';
export * from './volume-book.port.js';
export * from './simulated/simulated-faults.driver.js';
export * from './simulated/simulated-hypervisor.driver.js';
export * from './simulated/simulated-machine.driver.js';
export {
  defaultHardware,
  type ForeignDomain,
  type SimulatedDomain,
  type SimulatedHardware,
  type SimulatedMachineStore,
  type SimulatedVolume,
} from './simulated/simulated-machine.state.js';
export { simulatedVolumeName } from './simulated/settled-definition.policy.js';
export * from './simulated/sqlite-machine-store.adapter.js';
