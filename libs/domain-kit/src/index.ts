export * from './clock.js';
export * from './decider.js';
export * from './ids.js';
export * from './keyed-queue.js';
export * from './near-miss.js';
export * from './never.js';
export * from './request-digest.js';
export * from './token-bucket.js';
