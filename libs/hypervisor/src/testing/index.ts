export * from './contract-host.js';
export * from './hypervisor.contract.js';
export * from './memory-volume-book.js';
export * from './signal-recorder.js';
