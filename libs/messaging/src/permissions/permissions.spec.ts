import { describe, expect, it } from '@jest/globals';
import { hostIdSchema, serviceNames, subjectsUnder } from '@drover/contracts';
import {
  EVENT_RELAY,
  eventRelayPermissions,
  hostPermissions,
  servicePermissions,
  type NatsPermissions,
} from './permissions.js';

const subjects = subjectsUnder('drover');
const hostA = hostIdSchema.parse('00000000-0000-4000-8000-00000000000a');
const hostB = hostIdSchema.parse('00000000-0000-4000-8000-00000000000b');

/** Whether some subject matches both patterns. */
function overlap(one: string, other: string): boolean {
  const [left, right] = [one.split('.'), other.split('.')];
  for (let index = 0; ; index += 1) {
    const [a, b] = [left[index], right[index]];
    if (a === undefined || b === undefined) return a === b;
    if (a === '>' || b === '>') return true;
    if (a !== b && a !== '*' && b !== '*') return false;
  }
}

function overlaps({ publish, subscribe }: NatsPermissions): string[] {
  return publish.flatMap((sent) =>
    subscribe.filter((heard) => overlap(sent, heard)).map((heard) => `${sent} ${heard}`),
  );
}

const rows: readonly (readonly [string, NatsPermissions])[] = [
  ...serviceNames.map((name) => [name, servicePermissions(name, subjects)] as const),
  ['a host', hostPermissions(hostA, subjects)],
  [EVENT_RELAY, eventRelayPermissions(subjects)],
];

describe('the table of permissions', () => {
  it.each(rows)('lets %s send nothing that it hears itself', (_name, permissions) => {
    expect(overlaps(permissions)).toEqual([]);
  });

  it.each([
    ['a.b', 'a.b', true],
    ['a.*', 'a.b', true],
    ['a.*.c', '*.b.*', true],
    ['a.>', 'a.b.c', true],
    ['>', 'a', true],
    ['a.>', 'a', false],
    ['a.*', 'a.b.c', false],
    ['a.b', 'a.c', false],
  ])('would find that %s and %s have a subject in common: %s', (one, other, isSo) => {
    expect(overlap(one, other)).toBe(isSo);
    expect(overlap(other, one)).toBe(isSo);
  });

  it('leaves answers on subjects of their choice to no service', () => {
    for (const name of serviceNames) expect(servicePermissions(name, subjects).allowResponses).toBe(false);
  });

  it('lets the relay alone ask the server itself, in an account where no part of the fleet hears', () => {
    const ofServer = ({ publish }: NatsPermissions) =>
      publish.filter((sent) =>
        ['$JS.x', '$SYS.x', '$KV.x', '$G.x'].some((one) => overlap(sent, one.replace('x', '>'))),
      );
    const askers = rows.filter(([, permissions]) => ofServer(permissions).length > 0);
    expect(askers.map(([name, { account }]) => [name, account])).toEqual([[EVENT_RELAY, 'events']]);
    const inFleet = rows.filter(([, { account }]) => account === 'fleet').map(([name]) => name);
    expect(inFleet).toEqual([...serviceNames, 'a host']);
  });

  it('gives hosts nothing in common', () => {
    const [a, b] = [hostPermissions(hostA, subjects), hostPermissions(hostB, subjects)];
    const pairs = [...a.publish, ...a.subscribe].flatMap((one) =>
      [...b.publish, ...b.subscribe].filter((other) => overlap(one, other)),
    );
    expect(pairs).toEqual([]);
  });
});
