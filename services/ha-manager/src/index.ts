export { haManagerConfigSchema, type HaManagerConfig } from './config.js';
export { DEFAULT_LIVENESS, type LivenessPolicy } from './domain/liveness/liveness.state.js';
export { haManagerService, startReplica, type ReplicaSettings } from './ha-manager.service.js';
