export * from './checkpoint.js';
export * from './outdated-projection.js';
export * from './poison.js';
export * from './position-waiters.js';
export * from './projection.port.js';
export * from './projection.runner.js';
export * from './read-database.client.js';
export * from './rebuild.runner.js';
