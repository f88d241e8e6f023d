import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';

const root = path.resolve(import.meta.dirname, '../..');

describe('docs/reference/faults.md', () => {
  it('has only rows that are the title of a test', async () => {
    const table = await readFile(path.join(root, 'docs/reference/faults.md'), 'utf8');
    const rows = table
      .split('\n')
      .filter((line) => line.startsWith('| '))
      .map((line) => line.split('|')[1]?.trim() ?? '')
      .filter((row) => row !== 'Fault' && row !== '---');
    expect(rows.length).toBeGreaterThan(10);
    const specs = await Promise.all(
      ['test/system', 'test/live'].map(async (folder) =>
        Promise.all(
          (await readdir(path.join(root, folder)))
            .filter((name) => name.endsWith('.spec.ts'))
            .map((name) => readFile(path.join(root, folder, name), 'utf8')),
        ),
      ),
    );
    // A title with a parameter stands in the spec as `%s`, or as its beginning.
    const text = specs.flat(2).join('\n').replaceAll('\\n', ' ');
    const titles = (row: string) => [row, row.replace(/api-gateway|vm-manager|nats-server|PostgreSQL/, '%s')];
    expect(rows.filter((row) => !titles(row).some((title) => text.includes(title)))).toEqual([]);
  });
});
