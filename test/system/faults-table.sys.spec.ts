import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';

const root = path.resolve(import.meta.dirname, '../..');
const TABLE = 'docs/reference/faults.md';
/** A title is `ROW: what is then so`, or stands in a group whose title is. */
const ROW = /^(.+?): /;

interface Title {
  readonly ancestorTitles: readonly string[];
  readonly title: string;
}

/** The rows of both tables, in order. */
async function rowsOfTable(): Promise<readonly string[]> {
  return (await readFile(path.join(root, TABLE), 'utf8'))
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) => line.split('|')[1]?.trim() ?? '')
    .filter((row) => row !== 'Fault' && row !== '---');
}

/** The specs whose first line says that their titles name rows of the table. */
async function faultSpecs(): Promise<readonly string[]> {
  const files: string[] = [];
  for (const folder of ['test/system', 'test/live']) {
    for (const name of await readdir(path.join(root, folder))) {
      const [first = ''] = (await readFile(path.join(root, folder, name), 'utf8')).split('\n');
      if (name.endsWith('.spec.ts') && first.startsWith('/**') && first.includes(TABLE))
        files.push(`${folder}/${name}`);
    }
  }
  return files;
}

/** The titles that jest gives the tests of these files, each with those of its groups; none of them is run. */
async function titlesOf(files: readonly string[]): Promise<readonly Title[]> {
  const folder = await mkdtemp(path.join(tmpdir(), 'drover-titles-'));
  const listing = path.join(folder, 'titles.json');
  try {
    const jest = [
      'tools/jest.mjs',
      'system',
      'live',
      '--',
      '--testNamePattern=^$',
      '--json',
      `--outputFile=${listing}`,
    ];
    await promisify(execFile)(process.execPath, [...jest, '--runTestsByPath', ...files], { cwd: root });
    const { testResults } = JSON.parse(await readFile(listing, 'utf8')) as {
      testResults: { assertionResults: (Title & { status: string })[] }[];
    };
    const titles = testResults.flatMap(({ assertionResults }) => assertionResults);
    expect(titles.filter(({ status }) => status !== 'pending')).toEqual([]);
    return titles;
  } finally {
    await rm(folder, { recursive: true });
  }
}

function rowOf({ ancestorTitles, title }: Title): string {
  const row = [title, ...[...ancestorTitles].reverse()].flatMap((text) => ROW.exec(text)?.[1] ?? [])[0];
  return row ?? `no row: ${title}`;
}

describe(TABLE, () => {
  it('has a row for every test of a fault, and a test for every row', async () => {
    const rows = await rowsOfTable();
    const files = await faultSpecs();
    expect(files.length).toBeGreaterThanOrEqual(5);
    const tested = new Set((await titlesOf(files)).map(rowOf));
    expect([...tested].sort()).toEqual([...rows].sort());
  });
});
