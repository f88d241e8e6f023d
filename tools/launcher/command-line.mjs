import { commands } from './commands.mjs';

/** Wrong use of the command line: the message says what was wrong and what may have been meant. */
export class UsageError extends Error {
  name = 'UsageError';
}

/**
 * @returns {{ command: object, options: Record<string, string | number | true>, operands: string[], rest: string[] }}
 * `rest` holds what follows `--`, or everything for a command that parses for itself.
 */
export function parseCommandLine(words) {
  const [first, ...others] = words;
  if (first === undefined || first === '--help' || first === '-h') return parsed('help');
  const command = commands.find(({ name }) => name === first);
  if (command === undefined)
    throw new UsageError(
      `there is no command ${quote(first)}${suggest(
        first,
        commands.map(({ name }) => name),
      )}`,
    );
  if (command.raw) return { ...parsed(command.name), rest: others };
  const separator = others.indexOf('--');
  const own = separator < 0 ? others : others.slice(0, separator);
  const rest = separator < 0 ? [] : others.slice(separator + 1);
  if (own.some((word) => word === '--help' || word === '-h')) return { ...parsed('help'), operands: [command.name] };
  if (rest.length > 0 && !command.passesOn) throw new UsageError(`${command.name} takes nothing after --`);
  return { ...parsed(command.name), ...parseWords(command, own), rest };
}

function parsed(name) {
  return { command: commands.find((command) => command.name === name), options: {}, operands: [], rest: [] };
}

function parseWords(command, words) {
  const options = {};
  const operands = [];
  const left = [...words];
  while (left.length > 0) {
    const word = left.shift();
    if (!word.startsWith('-')) {
      operands.push(checkedOperand(command, operands, word));
      continue;
    }
    const [name, inlineValue] = splitOnce(word.replace(/^--?/, ''));
    const flag = command.flags.find((candidate) => candidate.name === name);
    if (flag === undefined || !word.startsWith('--')) {
      const names = command.flags.map((candidate) => `--${candidate.name}`);
      throw new UsageError(`${command.name} has no flag ${quote(word)}${suggest(word, names)}`);
    }
    if (name in options) throw new UsageError(`--${name} is given twice`);
    if (flag.value === undefined) {
      if (inlineValue !== undefined) throw new UsageError(`--${name} takes no value`);
      options[name] = true;
    } else {
      options[name] = checkedValue(flag, inlineValue ?? left.shift());
    }
  }
  return { options, operands };
}

function checkedOperand(command, before, word) {
  const { operands } = command;
  if (operands === undefined || (before.length > 0 && !operands.many)) {
    throw new UsageError(`${command.name} does not take ${quote(word)}`);
  }
  if (operands.choices && !operands.choices.includes(word)) {
    throw new UsageError(
      `${quote(word)} is no ${operands.name} (${operands.choices.join(', ')})${suggest(word, operands.choices)}`,
    );
  }
  return word;
}

function checkedValue(flag, value) {
  if (value === undefined || value === '')
    throw new UsageError(`--${flag.name} needs a value: --${flag.name} ${flag.value}`);
  if (flag.choices && !flag.choices.includes(value)) {
    throw new UsageError(
      `--${flag.name} is ${flag.choices.join(' or ')}, not ${quote(value)}${suggest(value, flag.choices)}`,
    );
  }
  if (flag.type !== 'count') return value;
  if (!/^[1-9][0-9]{0,3}$/.test(value))
    throw new UsageError(`--${flag.name} is a number from 1 to 9999, not ${quote(value)}`);
  return Number(value);
}

function splitOnce(text) {
  const index = text.indexOf('=');
  return index < 0 ? [text, undefined] : [text.slice(0, index), text.slice(index + 1)];
}

function quote(word) {
  return JSON.stringify(word);
}

function suggest(word, candidates) {
  const near = candidates
    .map((candidate) => ({ candidate, distance: candidate.startsWith(word) ? 0 : distance(word, candidate) }))
    .sort((a, b) => a.distance - b.distance)
    .find(({ candidate, distance: steps }) => steps <= Math.max(1, Math.floor(candidate.length / 2)));
  return near === undefined ? '' : `; did you mean ${near.candidate}?`;
}

/** How many single letters must be changed, added or dropped to come from one word to the other. */
export function distance(from, to) {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const replaced = row[j - 1] + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j] + 1, next[j - 1] + 1));
    }
    row = next;
  }
  return row[to.length];
}

export function helpText(commandName) {
  if (commandName === undefined) {
    const rows = commands.map(({ name, summary }) => [name, summary]);
    return `Drover: an event-sourced control plane for fleets of KVM hosts\n\nusage: ./drover COMMAND [flags]\n\n${table(rows)}\n\n./drover COMMAND --help tells more.`;
  }
  const command = commands.find(({ name }) => name === commandName);
  if (command === undefined)
    throw new UsageError(
      `there is no command ${quote(commandName)}${suggest(
        commandName,
        commands.map(({ name }) => name),
      )}`,
    );
  const { operands, flags, notes = [] } = command;
  const usage = [
    `usage: ./drover ${command.name}`,
    ...(flags.length > 0 ? ['[flags]'] : []),
    ...(operands ? [`[${operands.choices?.join('|') ?? operands.name}]${operands.many ? '…' : ''}`] : []),
    ...(command.raw ? ['…'] : []),
  ].join(' ');
  const rows = [
    ...flags.map(({ name, value, choices, text }) => [
      `--${name}${value ? ` ${choices?.join('|') ?? value}` : ''}`,
      text,
    ]),
    ...(command.raw ? [] : [['--help', 'show this']]),
  ];
  return [`${usage}\n\n${capitalised(command.summary)}.`, table(rows), notes.join('\n')].filter(Boolean).join('\n\n');
}

function table(rows) {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join('\n');
}

function capitalised(text) {
  return text[0].toUpperCase() + text.slice(1);
}

/**
 * For bash; knows commands, flags, choices. Behind `ctl` the client's own function takes over, where it is there.
 *
 * @param clientScript defines that function, `_drover_ctl`; empty before the client was ever compiled.
 */
export function completionScript(clientScript = '') {
  const cases = commands.map(({ name, flags, operands, raw }) => {
    const words = raw ? [] : [...flags.map((flag) => `--${flag.name}`), '--help', ...(operands?.choices ?? [])];
    return `    ${name}) words="${words.join(' ')}" ;;`;
  });
  const values = commands.flatMap(({ flags }) => flags).filter(({ choices }) => choices);
  return `${clientScript}_drover() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} words=
  if [ "$COMP_CWORD" -gt 1 ] && [ "\${COMP_WORDS[1]}" = ctl ]; then
    if declare -F _drover_ctl >/dev/null; then _drover_ctl; fi
    return
  fi
  case $before in
${values.map(({ name, choices }) => `    --${name}) COMPREPLY=($(compgen -W "${choices.join(' ')}" -- "$word")); return ;;`).join('\n')}
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then words="${commands.map(({ name }) => name).join(' ')}"
  else case \${COMP_WORDS[1]} in
${cases.join('\n')}
  esac; fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _drover drover ./drover`;
}
