export { configKeysOf, variableName, type ConfigKey } from './config-keys.js';
export * from './config.js';
export {
  databaseUrlFileSchema,
  FLEET_ID,
  foundationSections,
  homeSchema,
  leaseTtlSchema,
  natsCredentialsSchema,
  natsUrlSchema,
  subjectPrefixSchema,
} from './foundation-config.schema.js';
export * from './health.js';
export { runLease, type Lease, type LeaseEvents, type LeaseOptions } from './lease/lease.runner.js';
export { nestLogger } from './nest-logger.js';
export * from './observability-config.schema.js';
export { Readiness } from './readiness.js';
export * from './run-process.js';
export * from './service.js';
export { whenAvailable } from './when-available.js';
