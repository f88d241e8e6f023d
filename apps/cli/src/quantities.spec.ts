import { describe, expect, it } from '@jest/globals';
import { formatDuration, formatMiB, parseDurationMs, parseMiB, parsePair } from './quantities.js';
import { printable, renderFields, renderTable } from './output/table.js';

describe('quantities', () => {
  it.each([
    ['128MiB', 128],
    ['128', 128],
    ['2GiB', 2048],
    ['2g', 2048],
    ['1 TiB', 1_048_576],
  ])('reads %s as %d MiB', (text, mib) => expect(parseMiB(text)).toBe(mib));

  it.each(['', 'GiB', '1.5GiB', '-1', '10XB', '128MB'])('refuses %p as a size and says how to write one', (text) => {
    expect(() => parseMiB(text)).toThrow('128MiB');
  });

  it('shows sizes and durations in the unit a person would choose', () => {
    expect([128, 1024, 1536, 1_048_576].map(formatMiB)).toEqual(['128 MiB', '1 GiB', '1.5 GiB', '1 TiB']);
    expect([340, 12_000, 300_000, 10_800_000].map(formatDuration)).toEqual(['340ms', '12s', '5m', '3h']);
  });

  it('collects labels and keeps = in values', () => {
    expect(parsePair('a=b=c', { x: 'y' })).toEqual({ x: 'y', a: 'b=c' });
    expect(() => parsePair('=v')).toThrow('key=value');
  });

  it('reads durations', () => {
    expect(['250ms', '30', '30s', '5m'].map(parseDurationMs)).toEqual([250, 30_000, 30_000, 300_000]);
    expect(() => parseDurationMs('soon')).toThrow('30s');
  });
});

describe('output', () => {
  it('lines columns up without frames or trailing blanks', () => {
    const columns = [
      { heading: 'NAME', value: (row: { name: string; cpus?: number }) => row.name },
      { heading: 'CPUS', value: (row: { name: string; cpus?: number }) => row.cpus, isNumber: true },
    ];
    expect(renderTable(columns, [{ name: 'web-1', cpus: 12 }, { name: 'b' }])).toBe(
      'NAME   CPUS\nweb-1    12\nb         -',
    );
  });

  it('pads field names', () => {
    expect(
      renderFields([
        ['id', 'x'],
        ['longer', undefined],
      ]),
    ).toBe('id      x\nlonger  -');
  });

  it('shows control characters instead of sending them to the terminal', () => {
    expect(printable('a\u001b[2Jb')).toBe('a\\x1b[2Jb');
  });
});
