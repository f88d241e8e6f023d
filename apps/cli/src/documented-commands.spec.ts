import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { Command } from 'commander';
import { buildProgram } from './program.js';

const root = path.resolve(import.meta.dirname, '../../..');
/** Made from the program; what was true when it was written; what is planned. */
const others = /^docs\/(decisions\/|reference\/(cli|reviews)\.md|safety\.md|architecture\.md)/;
const pages = execFileSync('git', ['ls-files', '*.md'], { cwd: root, encoding: 'utf8' })
  .split('\n')
  .filter((file) => file !== '' && !file.startsWith('.nx/') && !others.test(file));

interface Written {
  readonly where: string;
  readonly words: readonly string[];
}

const program = buildProgram();
const groups = program.createHelp().visibleCommands(program);
const groupNames = groups.flatMap((group) => [group.name(), ...group.aliases()]);
/** `./drover ctl vms list | …`, and `vms list` alone in backticks, up to what the shell or the sentence goes on with. */
const PATTERN = new RegExp(`(?:\\./drover ctl |\`)((?:${groupNames.join('|')}) [a-z][^\`|#;&)\\n]*)`, 'g');

function writtenIn(file: string): readonly Written[] {
  return readFileSync(path.join(root, file), 'utf8')
    .split('\n')
    .flatMap((line, index) =>
      [...line.matchAll(PATTERN)].map(([, text = '']) => ({
        where: `${file}:${index + 1}: ${text.trim()}`,
        words: text.trim().split(/\s+/),
      })),
    );
}

const named = (of: Command, word: string) =>
  of.commands.find((command) => command.name() === word || command.aliases().includes(word));

/** What the program would refuse, or undefined. A sentence may leave arguments out, and gives none that there is no place for. */
function problemOf(words: readonly string[]): string | undefined {
  const [group = '', verb = '', ...rest] = words;
  const command = [group, verb].reduce<Command | undefined>((of, word) => of && named(of, word), program);
  if (command === undefined) return 'there is no such command';
  const known = [...command.options, ...program.options];
  let places = command.registeredArguments.some(({ variadic }) => variadic)
    ? Infinity
    : command.registeredArguments.length;
  for (let index = 0; index < rest.length; index += 1) {
    const word = rest[index] ?? '';
    if (!word.startsWith('-')) {
      if ((places -= 1) < 0) return `it takes no ${word}`;
      continue;
    }
    const option = known.find(({ long, short }) => [long, short].includes(word.split('=')[0]));
    if (option === undefined) return `it has no option ${word}`;
    if ((option.required || option.optional) && !word.includes('=')) index += 1;
  }
  return undefined;
}

describe('a command that a document names', () => {
  const written = pages.flatMap(writtenIn);

  it('is looked for in how-tos, references and READMEs', () => {
    const files = new Set(written.map(({ where }) => where.split(':')[0]));
    expect([...files]).toEqual(
      expect.arrayContaining(['README.md', 'docs/how-to/drift.md', 'docs/how-to/a-host-is-dead.md']),
    );
    expect(written.length).toBeGreaterThan(30);
  });

  it('is one of the program, with options and arguments that it takes', () => {
    const wrong = written.flatMap(({ where, words }) => {
      const problem = problemOf(words);
      return problem === undefined ? [] : [`${where}: ${problem}`];
    });
    expect(wrong).toEqual([]);
  });

  it.each([
    ['vms stop first --wait', undefined],
    ['hosts label sim-001 disk=nvme rack-', undefined],
    ['vms kill first', 'there is no such command'],
    ['vms stop first --hard', 'it has no option --hard'],
    ['vms stop first second', 'it takes no second'],
    ['hosts describe', 'there is no such command'],
  ] as const)('would be found wrong, or not: %s', (text, problem) => {
    expect(problemOf(text.split(' '))).toBe(problem);
  });
});
