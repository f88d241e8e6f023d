import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { Argument, Command, Option } from 'commander';
import { exitStatusHelp } from './exit-status.js';
import { buildProgram } from './program.js';

const page = new URL('../../../docs/reference/cli.md', import.meta.url);

/** Commands that do something, with the words that lead to each; groups and what is hidden are no commands of their own. */
function commandsBelow(command: Command, path: string): { command: Command; path: string }[] {
  const children = command.createHelp().visibleCommands(command);
  return children.flatMap((child) => {
    const below = `${path} ${child.name()}`;
    return child.name() === 'help'
      ? []
      : child.commands.length > 0
        ? commandsBelow(child, below)
        : [{ command: child, path: below }];
  });
}

function argumentText(argument: Argument): string {
  const name = `${argument.name()}${argument.variadic ? '…' : ''}`;
  return argument.required ? `<${name}>` : `[${name}]`;
}

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

function optionRow(option: Option): string {
  const notes = [
    option.argChoices === undefined ? undefined : `one of ${option.argChoices.join(', ')}`,
    option.defaultValue === undefined || Array.isArray(option.defaultValue) || typeof option.defaultValue === 'object'
      ? undefined
      : `default ${option.defaultValueDescription ?? String(option.defaultValue)}`,
    option.envVar === undefined ? undefined : `variable \`${option.envVar}\``,
  ].filter((note) => note !== undefined);
  return `| \`${cell(option.flags)}\` | ${cell(option.description)}${notes.length === 0 ? '' : ` (${notes.join('; ')})`} |`;
}

const optionTable = (options: readonly Option[]) => `<!-- prettier-ignore -->
| Option | Meaning |
| --- | --- |
${options.map(optionRow).join('\n')}
`;

/** `DROVER_UPDATE=1 node tools/jest.mjs unit -- cli-page` writes the page anew. */
function renderedPage(program: Command): string {
  const groups = program
    .createHelp()
    .visibleCommands(program)
    .filter((group) => group.name() !== 'help');
  const sections = groups.map((group) => {
    const alias = group.aliases().length === 0 ? '' : ` (or \`${group.aliases().join('`, `')}\`)`;
    const commands =
      group.commands.length > 0 ? commandsBelow(group, group.name()) : [{ command: group, path: group.name() }];
    const entries = commands.map(({ command, path }) => {
      const words = [path, ...command.registeredArguments.map(argumentText)].join(' ');
      const options = command
        .createHelp()
        .visibleOptions(command)
        .filter((option) => option.long !== '--help');
      return `### \`${words}\`

${sentence(command.description())}
${options.length === 0 ? '' : `\n${optionTable(options)}`}`;
    });
    return `## ${group.name()}${alias}

${sentence(group.description())}

${group.commands.length > 0 ? entries.join('\n') : entries.map((entry) => entry.split('\n').slice(4).join('\n')).join('\n')}`;
  });
  return `# Command line client

\`./drover ctl COMMAND\` asks the API. The launcher tells it where the API of this home listens and where its token is; \`--url\`, \`--token-file\` and
the variables below say otherwise, and \`DROVER_TOKEN\` is the token itself. Options of the whole program may stand anywhere.

${optionTable(program.options)}
${exitStatusHelp.trim()}

${sections.join('\n').trimEnd()}

Made from the program itself (\`apps/cli/src/program.ts\`); a test compares the two. The launcher's own commands are in [launcher.md](launcher.md).
`;
}

const sentence = (text: string) => (text === '' ? '' : `${text.charAt(0).toUpperCase()}${text.slice(1)}.`);

describe('the page of the command line client', () => {
  it('describes every command and option', () => {
    for (const { command, path } of commandsBelow(buildProgram(), '')) {
      expect([path, command.description()]).toEqual([path, expect.stringMatching(/.{8,}/)]);
      for (const option of command.options) expect([path, option.flags, option.description]).not.toContain('');
    }
  });

  it('lists the program as it is', () => {
    const rendered = renderedPage(buildProgram());
    if (process.env['DROVER_UPDATE'] === '1') writeFileSync(page, rendered);
    expect(readFileSync(page, 'utf8')).toBe(rendered);
  });
});
