import type { Subjects } from '@drover/contracts';

export const serviceNames = ['api-gateway', 'vm-manager', 'scheduler', 'ha-manager', 'drs', 'guest-bridge'] as const;
export type ServiceName = (typeof serviceNames)[number];

export interface ServiceRow {
  /** Stream kinds whose commands it answers: each kind has one owner. */
  readonly owns: readonly string[];
  /** First words of the queries it answers, beside its own name. */
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

/** The subject table of docs/architecture.md, by service. Permissions and the right to an answer both follow from it. */
const services: Readonly<Record<ServiceName, ServiceRow>> = {
  'api-gateway': {
    owns: ['project', 'identity'],
    answers: [],
    commands: ['*'],
    asks: ['*'],
    hears: ['load', 'progress', 'stream.up.>'],
    tells: ['stream.down.>'],
  },
  'vm-manager': {
    owns: ['vm', 'volume', 'image', 'pool', 'network'],
    answers: ['vm'],
    commands: [],
    asks: ['placement', 'ha'],
    hears: ['report.vm'],
    tells: ['command'],
  },
  scheduler: {
    owns: ['rules'],
    answers: ['placement'],
    commands: [],
    asks: [],
    hears: ['load'],
    tells: [],
  },
  'ha-manager': {
    owns: ['host', 'cluster', 'ha'],
    answers: ['ha'],
    commands: ['vm'],
    asks: ['placement'],
    hears: ['report.host', 'heartbeat'],
    tells: [],
  },
  drs: {
    owns: ['drs'],
    answers: [],
    commands: ['vm'],
    asks: ['placement', 'ha'],
    hears: ['load'],
    tells: [],
  },
  'guest-bridge': {
    owns: ['guest'],
    answers: ['guest'],
    commands: [],
    asks: [],
    hears: [],
    tells: ['guest'],
  },
};

/** What hosts say and want an answer to, below `host.<id>`. */
export const askedByHosts = ['report.vm', 'report.host', 'heartbeat'] as const;

export function rowOf(name: ServiceName): ServiceRow {
  return services[name];
}

export function commandsOf(name: ServiceName): readonly string[] {
  return resolve(name, services[name].commands, (other) => services[other].owns);
}

export function queriesOf(name: ServiceName): readonly string[] {
  return resolve(name, services[name].asks, answeredBy);
}

/** First words of the queries that a service answers. */
export function answeredBy(name: ServiceName): readonly string[] {
  return [name, ...services[name].answers];
}

/** Whether hosts wait for answers of this service. */
export function answersHosts(name: ServiceName): boolean {
  return services[name].hears.some((said) => (askedByHosts as readonly string[]).includes(said));
}

/** The services whose requests this one answers. */
export function askersOf(name: ServiceName): readonly ServiceName[] {
  const { owns } = services[name];
  const words = answeredBy(name);
  return serviceNames.filter(
    (other) =>
      other !== name &&
      (commandsOf(other).some((kind) => owns.includes(kind)) || queriesOf(other).some((word) => words.includes(word))),
  );
}

/** Who may have sent a message on this subject, and wait for its answer. */
export type Askers =
  | { readonly kind: 'host'; readonly hostId: string }
  | { readonly kind: 'services'; readonly names: readonly ServiceName[] };

const nobody: Askers = { kind: 'services', names: [] };

/** Looked up for every message, so made once. */
const commanders = namesBy(commandsOf);
const questioners = namesBy(queriesOf);
const tellers = serviceNames.flatMap((name) => services[name].tells.map((told) => ({ name, told })));

export function askersOn({ prefix }: Subjects, subject: string): Askers {
  const [first, area, word = '', ...rest] = subject.split('.');
  if (first !== prefix) return nobody;
  if (area === 'command') return commanders.get(word) ?? nobody;
  if (area === 'query') return questioners.get(word) ?? nobody;
  if (area !== 'host') return nobody;
  const said = rest.join('.');
  const names = tellers.filter(({ told }) => isBelow(told, said)).map(({ name }) => name);
  return names.length > 0 ? { kind: 'services', names } : { kind: 'host', hostId: word };
}

function namesBy(wordsOf: (name: ServiceName) => readonly string[]): ReadonlyMap<string, Askers> {
  const words = new Set(serviceNames.flatMap(wordsOf));
  return new Map(
    [...words].map((word) => [
      word,
      { kind: 'services', names: serviceNames.filter((name) => wordsOf(name).includes(word)) },
    ]),
  );
}

function isBelow(pattern: string, said: string): boolean {
  return pattern.endsWith('.>') ? said.startsWith(pattern.slice(0, -1)) : pattern === said;
}

function resolve(
  name: ServiceName,
  words: readonly string[],
  wordsOf: (other: ServiceName) => readonly string[],
): readonly string[] {
  if (!words.includes('*')) return words;
  return serviceNames.filter((other) => other !== name).flatMap(wordsOf);
}
