export * from './fake-fleet.js';
export { ManualClock } from '@drover/operations/testing';
export * from './vm-facts.js';
export * from './vm-manager-bench.js';
