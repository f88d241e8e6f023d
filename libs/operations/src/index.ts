export { FIRST_RETRY_MS, LONGEST_RETRY_MS, LONGEST_UNHEARD_RETRY_MS } from './effect-task.state.js';
export * from './effect.js';
export * from './host-hearing.state.js';
export * from './host-orders.port.js';
export * from './log.port.js';
export * from './operations.process.js';
export * from './timer.port.js';
export * from './work.js';
export * from './workings.js';
