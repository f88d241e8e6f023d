export * from './every-body.js';
export * from './every-field.js';
export * from './fake-fleet-commands.js';
export * from './fleet-story.js';
export * from './full-create-body.js';
export * from './memory-fleet-reads.js';
export * from './memory-gateway.js';
