/** What one service answers and says. Which kinds of streams it writes is said by each kind (`streamKind`). */
export interface ServiceDeclaration {
  /** Whether this release has it; others hold their names and subjects. */
  readonly isBuilt: boolean;
  /** First words of the queries it answers, apart from its own name. */
  readonly answers: readonly string[];
  /** Stream kinds it sends commands for; `*` is all that others own. */
  readonly commands: readonly string[];
  /** First words of the queries it asks; `*` is all that others answer. */
  readonly asks: readonly string[];
  /** Below `host.*`, said by hosts. */
  readonly hears: readonly string[];
  /** Below `host.*`, said to hosts. */
  readonly tells: readonly string[];
}

/**
 * Each service of docs/architecture.md. A service that is built has what its code uses and nothing that is planned, because what it may do follows from here: permissions on
 * NATS, who may be answered where, the role in PostgreSQL and the kinds it appends to, the credentials, and the sections of the
 * configuration. A service has one name in all of them.
 */
export const services = {
  'ha-manager': {
    isBuilt: true,
    answers: ['ha'],
    commands: [],
    asks: [],
    hears: ['report.host', 'heartbeat'],
    tells: [],
  },
  scheduler: {
    isBuilt: true,
    answers: ['placement'],
    commands: [],
    asks: [],
    hears: ['load'],
    tells: [],
  },
  'vm-manager': {
    isBuilt: true,
    answers: ['vm'],
    commands: [],
    asks: ['placement'],
    hears: ['report.vm'],
    tells: ['order'],
  },
  drs: {
    isBuilt: false,
    answers: [],
    commands: ['vm'],
    asks: ['placement', 'ha'],
    hears: ['load'],
    tells: [],
  },
  'guest-bridge': {
    isBuilt: false,
    answers: ['guest'],
    commands: [],
    asks: [],
    hears: [],
    tells: ['guest'],
  },
  'api-gateway': {
    isBuilt: true,
    answers: [],
    commands: ['*'],
    asks: ['*'],
    hears: ['load', 'progress', 'stream.up.>'],
    tells: ['stream.down.>'],
  },
} as const satisfies Readonly<Record<string, ServiceDeclaration>>;

export type ServiceName = keyof typeof services;
export const serviceNames = Object.keys(services) as readonly ServiceName[];

/** The services that this release has. Each has NATS credentials, a role in PostgreSQL and a metrics port of its own. */
export type BuiltService = {
  [Name in ServiceName]: (typeof services)[Name]['isBuilt'] extends true ? Name : never;
}[ServiceName];
export const builtServices = serviceNames.filter((name): name is BuiltService => services[name].isBuilt);

/** One value for each service that this release has. */
export function forEachService<Value>(valueOf: (name: BuiltService) => Value): Readonly<Record<BuiltService, Value>> {
  return Object.fromEntries(builtServices.map((name) => [name, valueOf(name)])) as Record<BuiltService, Value>;
}

/** The names that a process can have in logs and in `observability.metrics.ports`; `drover` is one of several services. */
export const processNames = [...builtServices, 'node-agent', 'credential-keeper', 'drover'] as const;
