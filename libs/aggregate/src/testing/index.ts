export * from './faulty-store.js';
export * from './state-shape.contract.js';
