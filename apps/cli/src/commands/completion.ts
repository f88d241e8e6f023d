import type { Command } from 'commander';

/** Words that may follow at each place, taken from the program itself so that they cannot be out of date. */
export function addCompletionCommand(program: Command): void {
  program
    .command('completion')
    .description('print the bash completion of this program: source <(./drover ctl completion)')
    .action(() => {
      process.stdout.write(bashCompletion(program));
    });
}

export function bashCompletion(program: Command): string {
  const cases = [...places(program, [])]
    .map(({ path, words }) => `    "${path.join(' ')}") words="${words.join(' ')}" ;;`)
    .join('\n');
  return `_drover_ctl() {
  local path="" word words=""
  for word in "\${COMP_WORDS[@]:2:COMP_CWORD-2}"; do
    case "$word" in -*) ;; *) path="\${path:+$path }$word" ;; esac
  done
  case "$path" in
${cases}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _drover_ctl drover ./drover
`;
}

function* places(
  command: Command,
  path: readonly string[],
): Iterable<{ path: readonly string[]; words: readonly string[] }> {
  const options = command.options.flatMap((option) => (option.long === undefined ? [] : [option.long]));
  yield { path, words: [...command.commands.map((child) => child.name()), ...options, '--help'] };
  for (const child of command.commands) yield* places(child, [...path, child.name()]);
}
