import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parseCommandLine } from './command-line.mjs';
import { commands } from './commands.mjs';

const root = path.resolve(import.meta.dirname, '../..');
/** What was true when it was written, what is made from the table of commands, and what is planned. */
const others = /^docs\/(decisions\/|reference\/(launcher|reviews)\.md|safety\.md|architecture\.md)/;
const pages = execFileSync('git', ['ls-files', '*.md'], { cwd: root, encoding: 'utf8' })
  .split('\n')
  .filter((file) => file !== '' && !file.startsWith('.nx/') && !others.test(file));
/** Up to what the shell or the sentence goes on with. */
const PATTERN = /\.\/drover ([a-z][^`|#;&,)\n]*)/g;

/** A placeholder stands for a word that the command takes. */
function wordsOf(text) {
  const [name, ...rest] = text.trim().split(/\s+/);
  const operand = commands.find((command) => command.name === name)?.operands?.choices?.[0] ?? 'x';
  return [name, ...rest.map((word) => (/^[A-Z]+$/.test(word) ? operand : word))];
}

function problemOf(text) {
  try {
    parseCommandLine(wordsOf(text));
    return undefined;
  } catch (error) {
    return error.message;
  }
}

const written = pages.flatMap((file) =>
  readFileSync(path.join(root, file), 'utf8')
    .split('\n')
    .flatMap((line, index) => [...line.matchAll(PATTERN)].map(([, text]) => ({ where: `${file}:${index + 1}`, text }))),
);

describe('a command of the launcher that a document names', () => {
  it('is one that the launcher takes', () => {
    expect(written.length).toBeGreaterThan(40);
    const wrong = written.flatMap(({ where, text }) => {
      const problem = problemOf(text);
      return problem === undefined ? [] : [`${where}: ${text}: ${problem}`];
    });
    expect(wrong).toEqual([]);
  });

  it('would be found wrong', () => {
    expect(problemOf('lab')).toContain('there is no command "lab"');
    expect(problemOf('up --host 3')).toContain('--host');
    expect(problemOf('rotate nats')).toBeUndefined();
    expect(problemOf('test LEVEL')).toBeUndefined();
  });
});
