// Takes commands into a journal as fast as it can, and prints the id of each once it is durable.
// Runs from source: the hook finds the TypeScript file behind an import that ends with .js.
import { registerHooks } from 'node:module';
import process from 'node:process';

registerHooks({
  resolve(specifier, context, next) {
    try {
      return next(specifier, { ...context, conditions: ['drover-source', ...context.conditions] });
    } catch (error) {
      if (!specifier.startsWith('.') || !specifier.endsWith('.js')) throw error;
      return next(specifier.replace(/\.js$/, '.ts'), context);
    }
  },
});
const { SqliteJournal } = await import('../src/adapters/outbound/journal/sqlite-journal.adapter.ts');
const { VmCommands } = await import('../src/testing/host-commands.ts');

const [file, hostId] = process.argv.slice(2);
const journal = await new SqliteJournal(file).open(hostId);
for (let batch = 0; ; batch += 1) {
  const commands = Array.from({ length: 8 }, (_, index) => new VmCommands(`${batch}-${index}`).create(1));
  await Promise.all(
    commands.map(async (command) => {
      await journal.write([{ kind: 'taken', command }]);
      process.stdout.write(`${command.commandId}\n`);
    }),
  );
}
