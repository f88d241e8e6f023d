import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { Tokens } from './tokens.js';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const tokens = new Tokens([
  { principal: 'root', sha256: sha256('all'), permissions: ['*'] },
  { principal: 'ci', sha256: sha256('some'), permissions: ['vms:read', 'events:read'] },
]);

describe('tokens', () => {
  it('name their bearers and what they may do', () => {
    expect(tokens.bearerOf('Bearer some')).toMatchObject({ name: 'ci' });
    expect(tokens.bearerOf('bearer some')?.may('vms:read')).toBe(true);
    expect(tokens.bearerOf('Bearer some')?.may('vms:write')).toBe(false);
    expect(tokens.bearerOf('Bearer all')?.may('admin:write')).toBe(true);
  });

  it.each([
    undefined,
    '',
    'some',
    'Basic some',
    'Bearer',
    'Bearer ',
    'Bearer other',
    `Bearer ${sha256('some')}`,
    `Bearer ${'x'.repeat(501)}`,
  ])('know no bearer by %s', (authorization) => {
    expect(tokens.bearerOf(authorization)).toBeUndefined();
  });

  it('are refused where the list is not one, without showing what is in it', () => {
    expect(() => new Tokens([])).toThrow();
    expect(() => new Tokens([{ principal: 'ci', sha256: 'plain-token', permissions: ['*'] }])).toThrow(/SHA-256/);
    expect(() => Tokens.fromFile('/no/such/file')).toThrow('the token file /no/such/file is not usable');
  });
});
