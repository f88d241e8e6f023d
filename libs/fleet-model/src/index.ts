export * from './capacity.js';
export * from './demand.js';
export * from './fleet.state.js';
export * from './inventory-digest.js';
export * from './persistent-map.js';
export * from './usage.js';
