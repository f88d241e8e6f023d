import type { Command } from 'commander';

/** Behind `./drover completion bash`, which registers the function that this prints for what follows `ctl`. */
export function addCompletionCommand(program: Command): void {
  program.command('completion', { hidden: true }).action(() => {
    process.stdout.write(bashCompletion(program));
  });
}

/**
 * Words that may follow at each place, taken from the program itself so that they cannot be out of date. A word that
 * leads nowhere (a name, the value of an option) leaves the place as it was.
 */
export function bashCompletion(program: Command): string {
  const cases = [...places(program, '')]
    .map(({ patterns, path, words }) => `    ${patterns.join('|')}) path="${path}" words="${words.join(' ')}" ;;`)
    .join('\n');
  return `_drover_ctl_go() {
  case "$1" in
${cases}
  esac
}
_drover_ctl() {
  local path= words= word
  _drover_ctl_go ""
  for word in "\${COMP_WORDS[@]:2:COMP_CWORD-2}"; do _drover_ctl_go "\${path:+$path }$word"; done
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
`;
}

interface Place {
  readonly path: string;
  /** The path as it may be typed: with each name of its last command. */
  readonly patterns: readonly string[];
  readonly words: readonly string[];
}

function* places(command: Command, path: string, patterns: readonly string[] = ['""']): Iterable<Place> {
  const children = command.createHelp().visibleCommands(command);
  // Options of the whole program may stand anywhere.
  const options = [...new Set([command, programOf(command)])]
    .flatMap((each) => each.options)
    .flatMap((option) => (option.long === undefined ? [] : [option.long]));
  yield { path, patterns, words: [...children.map((child) => child.name()), ...options, '--help'] };
  for (const child of children) {
    const below = (name: string) => (path === '' ? name : `${path} ${name}`);
    const names = [child.name(), ...child.aliases()];
    yield* places(
      child,
      below(child.name()),
      names.map((name) => `"${below(name)}"`),
    );
  }
}

function programOf(command: Command): Command {
  return command.parent === null ? command : programOf(command.parent);
}
