export { runReplica, type Replica, type ReplicaOptions } from './replica.runner.js';
export { startStreamService, type StreamService } from './stream-service.js';
