export * from './memory/memory-event-store.adapter.js';
export * from './postgres/postgres-event-store.adapter.js';
export * from './dead-letters.port.js';
export * from './fold-snapshots.port.js';
export * from './event-store.port.js';
export * from './postgres/prepare-store.js';
export type { ServicePasswords } from './postgres/store-roles.client.js';
