export * from './dead-letters.contract.js';
export * from './event-store.contract.js';
export * from './fold-snapshots.contract.js';
export * from './events.js';
