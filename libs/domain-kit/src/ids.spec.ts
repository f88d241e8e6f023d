import { describe, expect, it } from '@jest/globals';
import { derivedId, newId } from './ids.js';

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-([78])[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe('ids', () => {
  it('gives new ids that sort by the time they were made', () => {
    const earlier = newId(1_700_000_000_000);
    const later = newId(1_700_000_000_001);
    expect(uuid.exec(earlier)?.[1]).toBe('7');
    expect(earlier < later).toBe(true);
  });

  it('gives new ids that differ within one millisecond', () => {
    const ids = Array.from({ length: 1_000 }, () => newId(1_700_000_000_000));
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('derives the same id from the same cause and label', () => {
    const cause = '0199c4e2-0000-7000-8000-000000000001';
    expect(derivedId(cause, 'vm')).toBe(derivedId(cause, 'vm'));
    expect(uuid.exec(derivedId(cause, 'vm'))?.[1]).toBe('8');
  });

  it('keeps label and cause apart', () => {
    expect(derivedId('a', 'bc')).not.toBe(derivedId('ab', 'c'));
    expect(derivedId('a', 1)).not.toBe(derivedId('a', 2));
  });
});
