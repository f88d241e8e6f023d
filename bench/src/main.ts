import { readdir } from 'node:fs/promises';
import { note, type Bench } from './figure.js';

/** Names of benches; all of them if none is given. Each is loaded only when it runs, and needs only what it measures. */
const wanted = process.argv.slice(2);
const files = await readdir(import.meta.dirname);
const known = files.flatMap((file) => /^(.+)\.bench\.js$/.exec(file)?.[1] ?? []).sort();
const unknown = wanted.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  note(`no such bench: ${unknown.join(', ')}; there are: ${known.join(', ')}`);
  process.exit(2);
}
for (const name of wanted.length > 0 ? wanted : known) {
  note(`${name} …`);
  const { bench } = (await import(`./${name}.bench.js`)) as { readonly bench: Bench };
  for await (const figure of bench()) process.stdout.write(`${JSON.stringify(figure)}\n`);
}
