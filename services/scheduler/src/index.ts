export { schedulerConfigSchema, type SchedulerConfig } from './config.js';
export { DEFAULT_POLICY, type PlacementPolicy } from './domain/placement/placement.state.js';
export { schedulerService, startReplica, type ReplicaSettings } from './scheduler.service.js';
