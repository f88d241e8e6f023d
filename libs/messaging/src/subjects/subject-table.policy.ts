import {
  kindsOwnedBy,
  serviceNames,
  services,
  type ServiceDeclaration,
  type ServiceName,
  type Subjects,
} from '@drover/contracts';

/** What hosts say and want an answer to, below `host.<id>`. */
export const askedByHosts = ['report.vm', 'report.host', 'heartbeat'] as const;

export function rowOf(name: ServiceName): ServiceDeclaration {
  return services[name];
}

/** The kinds of streams that a service sends commands for. */
export function commandsOf(name: ServiceName): readonly string[] {
  return resolve(name, rowOf(name).commands, commandsAnsweredBy);
}

/** The kinds of streams whose commands a service answers: those of its own that have any. */
export function commandsAnsweredBy(name: ServiceName): readonly string[] {
  return kindsOwnedBy(name)
    .filter(({ commands }) => Object.keys(commands).length > 0)
    .map((kind) => kind.name);
}

export function queriesOf(name: ServiceName): readonly string[] {
  return resolve(name, rowOf(name).asks, answeredBy);
}

/** First words of the queries that a service answers. */
export function answeredBy(name: ServiceName): readonly string[] {
  return [name, ...rowOf(name).answers];
}

/** Whether hosts wait for answers of this service. */
export function answersHosts(name: ServiceName): boolean {
  return rowOf(name).hears.some((said) => (askedByHosts as readonly string[]).includes(said));
}

/** The services whose requests this one answers. */
export function askersOf(name: ServiceName): readonly ServiceName[] {
  const kinds = commandsAnsweredBy(name);
  const words = answeredBy(name);
  return serviceNames.filter(
    (other) =>
      other !== name &&
      (commandsOf(other).some((kind) => kinds.includes(kind)) || queriesOf(other).some((word) => words.includes(word))),
  );
}

/** Who may have sent a message on this subject, and wait for its answer. */
export type Askers =
  | { readonly kind: 'host'; readonly hostId: string }
  | { readonly kind: 'services'; readonly names: readonly ServiceName[] };

const noAskers: Askers = { kind: 'services', names: [] };

/** Looked up for every message, so made once. */
const commanders = namesBy(commandsOf);
const questioners = namesBy(queriesOf);
const tellers = serviceNames.flatMap((name) => rowOf(name).tells.map((told) => ({ name, told })));

export function askersOn({ prefix }: Subjects, subject: string): Askers {
  const [first, area, word = '', ...rest] = subject.split('.');
  if (first !== prefix) return noAskers;
  if (area === 'command') return commanders.get(word) ?? noAskers;
  if (area === 'query') return questioners.get(word) ?? noAskers;
  if (area !== 'host') return noAskers;
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
