/**
 * The one service that writes the streams of each kind (docs/architecture.md). PostgreSQL holds the services to it: each has
 * a role of its own, which appends to its kinds alone.
 */
export const streamWriters = {
  project: 'api-gateway',
  identity: 'api-gateway',
  vm: 'vm-manager',
  volume: 'vm-manager',
  image: 'vm-manager',
  pool: 'vm-manager',
  network: 'vm-manager',
  rules: 'scheduler',
  host: 'ha-manager',
  cluster: 'ha-manager',
  ha: 'ha-manager',
} as const satisfies Readonly<Record<string, string>>;
