export * from './config.js';
export * from './health.js';
export { nestLogger } from './nest-logger.js';
export * from './run-process.js';
export * from './service.js';
export { whenAvailable } from './when-available.js';
