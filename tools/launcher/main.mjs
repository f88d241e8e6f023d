// The launcher's Node part. It begins on any Node from 20 on and without dependencies, which it may have to install.
import { completionScript, helpText, parseCommandLine, UsageError } from './command-line.mjs';
import { LauncherError, node24, root, runQuietly, runVisibly } from './run.mjs';
import { ensureBuilt, ensureDependencies, ensurePackages } from './setup.mjs';

async function main(words) {
  const { command, options, operands, rest } = parseCommandLine(words);
  switch (command.name) {
    case 'help':
      console.log(helpText(operands[0]));
      return 0;
    case 'completion':
      console.log(completionScript(await clientCompletion()));
      return 0;
    case 'up':
    case 'test':
    case 'bench':
      return afterSetup(words, async (lacking) => {
        const { run } = await import(`./${command.name}.mjs`);
        return run({ options, operands, rest, lacking });
      });
    default: {
      // Needs what `up` has already set up; without it there is nothing to show, stop or talk to.
      await ensureDependencies();
      if (command.name === 'ctl') return (await import('./ctl.mjs')).run({ rest });
      const { existsSync } = await import('node:fs');
      if (!existsSync(`${root}/apps/standalone/dist/infrastructure/index.js`)) await ensureBuilt();
      return onNode24(words, async () => (await import(`./${command.name}.mjs`)).run({ operands }));
    }
  }
}

async function afterSetup(words, work) {
  const lacking = await ensurePackages();
  await ensureDependencies();
  return onNode24(words, async () => {
    await ensureBuilt();
    return work(lacking);
  });
}

/** Asked of the client itself, so that it is never out of date. Nothing is set up for it: shells ask at their start. */
async function clientCompletion() {
  const { existsSync } = await import('node:fs');
  const client = `${root}/apps/cli/dist/main.js`;
  return existsSync(node24) && existsSync(client) ? runQuietly(node24, [client, 'completion']) : '';
}

/** What was compiled is for Node 24: if this is an older one, the same command runs again under that. */
async function onNode24(words, work) {
  if (Number(process.versions.node.split('.')[0]) >= 24) return work();
  return runVisibly(node24, [`${root}/tools/launcher/main.mjs`, ...words], { cwd: process.cwd() });
}

/** Errors whose message says all; of others the stack is wanted. */
function isForOperator(error) {
  return error instanceof LauncherError || error.name === 'StartFailure';
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof UsageError) {
    console.error(`drover: ${error.message}\n./drover help shows what there is.`);
    process.exitCode = 2;
  } else {
    console.error(isForOperator(error) ? `drover: ${error.message}` : `drover: ${error.stack ?? error}`);
    process.exitCode = 1;
  }
}
