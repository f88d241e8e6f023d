import { CommanderError } from 'commander';
import { exitStatus, explain } from './exit-status.js';
import { buildProgram } from './program.js';

// The reader of our output may have seen enough: `… | head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(exitStatus.done);
});

const program = buildProgram();
try {
  for (const command of [program, ...program.commands.flatMap((child) => [child, ...child.commands])])
    command.exitOverride();
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : exitStatus.usage;
  } else {
    const { text, status } = explain(error);
    process.stderr.write(`${text}\n`);
    process.exitCode = status;
  }
}
