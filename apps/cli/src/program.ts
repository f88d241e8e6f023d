import { Command, Option } from 'commander';
import { addAdminCommands, addClusterCommands } from './commands/cluster.js';
import { addCompletionCommand } from './commands/completion.js';
import { addEventCommands } from './commands/events.js';
import { addHostCommands } from './commands/hosts.js';
import { addImageCommands } from './commands/images.js';
import { addOperationCommands } from './commands/operations.js';
import { addStrayCommands } from './commands/strays.js';
import { addVmCommands } from './commands/vms.js';
import { exitStatusHelp } from './exit-status.js';

/** `drover ctl`: the whole command line. */
export function buildProgram(): Command {
  const program = new Command('drover ctl')
    .description('Ask Drover for things and look at what it knows.')
    .addOption(
      new Option('-o, --output <format>', 'for people or for programs').choices(['table', 'json']).default('table'),
    )
    .addOption(new Option('-p, --project <project>', 'whose VMs').default('default').env('DROVER_PROJECT'))
    .addOption(new Option('--url <url>', 'of the API').default('http://127.0.0.1:7480').env('DROVER_URL'))
    .addOption(new Option('--token-file <file>', 'holds the API token; or set DROVER_TOKEN').env('DROVER_TOKEN_FILE'))
    .addHelpText('after', exitStatusHelp)
    .showSuggestionAfterError()
    .enablePositionalOptions(false);
  addVmCommands(program);
  addHostCommands(program);
  addImageCommands(program);
  addStrayCommands(program);
  addOperationCommands(program);
  addEventCommands(program);
  addClusterCommands(program);
  addAdminCommands(program);
  addCompletionCommand(program);
  return program;
}
