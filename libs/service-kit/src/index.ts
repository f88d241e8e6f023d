export * from './config.js';
export { foundationSections } from './foundation-config.schema.js';
export * from './health.js';
export { nestLogger } from './nest-logger.js';
export * from './observability-config.schema.js';
export * from './run-process.js';
export * from './service.js';
export { whenAvailable } from './when-available.js';
