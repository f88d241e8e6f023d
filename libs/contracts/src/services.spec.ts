import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { kindsOwnedBy, streamKinds } from './events/catalogue.events.js';
import { builtServices, serviceNames, services, type ServiceName } from './services.js';

/** The kinds that each service writes, as the table of the page says it: `rules-<cluster>` is the kind `rules`. */
function drawnOwners(): Map<string, readonly string[]> {
  const page = readFileSync(new URL('../../../docs/architecture.md', import.meta.url), 'utf8');
  const rows = page.matchAll(/^\| `([a-z-]+)` +\| ([^|]*)\|/gm);
  return new Map(
    [...rows].map(([, name = '', kinds = '']) => [
      name,
      [...kinds.matchAll(/`([a-z]+)-/g)].map(([, kind = '']) => kind),
    ]),
  );
}

describe('the services', () => {
  it('write each kind of stream in one place, and are built where they write one', () => {
    const names = streamKinds.map(({ name }) => name);
    expect(names).toEqual([...new Set(names)]);
    const drawn = [...drawnOwners().values()].flat();
    expect(drawn).toEqual([...new Set(drawn)]);
    expect(builtServices).toEqual(expect.arrayContaining(streamKinds.map(({ owner }) => owner)));
  });

  it.each(serviceNames)('are as docs/architecture.md draws them: %s', (name: ServiceName) => {
    const drawn = drawnOwners().get(name);
    expect(drawn).toEqual(expect.arrayContaining(kindsOwnedBy(name).map((kind) => kind.name)));
    // The page draws all of Drover: what it draws beyond these is declared by no one yet.
    const others = streamKinds.filter(({ owner }) => owner !== name).map((kind): string => kind.name);
    expect(drawn?.filter((kind) => others.includes(kind))).toEqual([]);
  });

  it('ask, command, hear and tell only what another answers, owns or says', () => {
    const others = (name: ServiceName) => serviceNames.filter((other) => other !== name);
    for (const name of serviceNames) {
      const { asks, commands }: { asks: readonly string[]; commands: readonly string[] } = services[name];
      const answered = others(name).flatMap((other): readonly string[] => [other, ...services[other].answers]);
      const owned = others(name).flatMap((other) => kindsOwnedBy(other).map((kind) => kind.name));
      expect(asks.filter((word) => word !== '*' && !answered.includes(word))).toEqual([]);
      expect(commands.filter((kind) => kind !== '*' && !owned.includes(kind))).toEqual([]);
    }
  });
});
