export * from './host-given.js';
export * from './manual-clock.js';
