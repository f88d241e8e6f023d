export { startPrivateLibvirtd } from './libvirtd/private-libvirtd.runner.js';
export type { PrivateLibvirtd, PrivateLibvirtdOptions } from './libvirtd/private-libvirtd.runner.js';
export * from './postgres/postgres-server.runner.js';
export * from './nats/nats-server.runner.js';
export * from './decider/given-when-then.js';
export * from './fleet/fleet.runner.js';
export * from './fleet/fleet-api.client.js';
export * from './fleet/fleet-machines.client.js';
export * from './fleet/fleet-stream.client.js';
