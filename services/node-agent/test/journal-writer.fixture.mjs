// Takes orders into a journal as fast as it can, and prints the id of each once it is durable.
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
const { VmOrders } = await import('../src/testing/host-orders.ts');

const [file, hostId] = process.argv.slice(2);
const journal = await new SqliteJournal(file).open(hostId);
for (let batch = 0; ; batch += 1) {
  const orders = Array.from({ length: 8 }, (_, index) => new VmOrders(`${batch}-${index}`).create(1));
  await Promise.all(
    orders.map(async (order) => {
      await journal.write([{ kind: 'taken', order }]);
      process.stdout.write(`${order.orderId}\n`);
    }),
  );
}
