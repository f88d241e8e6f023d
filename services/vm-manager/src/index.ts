export { vmManagerConfigSchema, type VmManagerConfig } from './config.js';
export { startReplica, vmManagerService, type ReplicaSettings } from './vm-manager.service.js';
export { defaultTimeouts, type Timeouts } from './domain/vm/timeouts.policy.js';
