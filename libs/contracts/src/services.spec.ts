import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { streamKinds } from './events/catalogue.events.js';
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
  it('write each kind of stream in one place', () => {
    const owned = serviceNames.flatMap((name) => [...services[name].owns]);
    expect(owned).toEqual([...new Set(owned)]);
  });

  it('that are built write every kind that this release knows', () => {
    const owned = builtServices.flatMap((name): readonly string[] => services[name].owns);
    expect(owned).toEqual(expect.arrayContaining(streamKinds.map(({ name }) => name)));
  });

  it.each(serviceNames)('are as docs/architecture.md draws them: %s', (name: ServiceName) => {
    expect(drawnOwners().get(name)).toEqual(services[name].owns);
  });

  it('ask, command, hear and tell only what another answers, owns or says', () => {
    const others = (name: ServiceName) => serviceNames.filter((other) => other !== name);
    for (const name of serviceNames) {
      const { asks, commands }: { asks: readonly string[]; commands: readonly string[] } = services[name];
      const answered = others(name).flatMap((other): readonly string[] => [other, ...services[other].answers]);
      const owned = others(name).flatMap((other): readonly string[] => services[other].owns);
      expect(asks.filter((word) => word !== '*' && !answered.includes(word))).toEqual([]);
      expect(commands.filter((kind) => kind !== '*' && !owned.includes(kind))).toEqual([]);
    }
  });
});
