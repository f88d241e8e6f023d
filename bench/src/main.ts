import { note, type Bench } from './figure.js';

/** Each bench is loaded only when it runs, so that one can be measured without the others' needs. */
const benches: Readonly<Record<string, () => Promise<{ readonly bench: Bench }>>> = {
  'event-store': () => import('./event-store.bench.js'),
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !Object.hasOwn(benches, name));
if (unknown.length > 0) {
  note(`no such bench: ${unknown.join(', ')}; there are: ${Object.keys(benches).join(', ')}`);
  process.exit(2);
}
for (const [name, load] of Object.entries(benches)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  note(`${name} …`);
  const { bench } = await load();
  for await (const figure of bench()) process.stdout.write(`${JSON.stringify(figure)}\n`);
}
