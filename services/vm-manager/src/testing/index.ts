export * from './fake-fleet.js';
export * from './manual-clock.js';
export * from './vm-facts.js';
export * from './vm-manager-bench.js';
