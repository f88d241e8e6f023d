export * from './fake-fleet-commands.js';
export * from './fleet-story.js';
export * from './memory-fleet-reads.js';
export * from './memory-gateway.js';
