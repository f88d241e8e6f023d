export * from './control-plane-double.js';
export * from './crash-point.js';
export * from './host-bench.js';
export * from './host-orders.js';
export * from './journal.contract.js';
