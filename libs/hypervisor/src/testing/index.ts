export * from './hypervisor.contract.js';
export * from './signal-recorder.js';
