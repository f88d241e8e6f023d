// Compiles every package's src/ to dist/ with swc; only files newer than their output are compiled again.
import { mkdir, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformFile } from '@swc/core';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const options = JSON.parse(await readFile(path.join(root, '.swcrc'), 'utf8'));
let compiled = 0;

async function modifiedAt(file) {
  return stat(file).then((entry) => entry.mtimeMs, () => 0);
}

async function buildPackage(folder) {
  const sources = (await readdir(path.join(folder, 'src'), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(path.join(folder, 'src'), path.join(entry.parentPath ?? entry.path, entry.name)));
  const wanted = new Set();
  for (const source of sources) {
    const from = path.join(folder, 'src', source);
    const isTypeScript = source.endsWith('.ts');
    if (source.endsWith('.spec.ts') || source.endsWith('.d.ts')) continue;
    const to = path.join(folder, 'dist', isTypeScript ? source.replace(/\.ts$/, '.js') : source);
    wanted.add(to);
    if (isTypeScript) wanted.add(`${to}.map`);
    if ((await modifiedAt(to)) > (await modifiedAt(from))) continue;
    await mkdir(path.dirname(to), { recursive: true });
    if (isTypeScript) {
      const output = await transformFile(from, { ...options, swcrc: false, sourceFileName: from });
      await writeFile(`${to}.map`, output.map ?? '');
      await writeFile(to, `${output.code}\n//# sourceMappingURL=${path.basename(to)}.map\n`);
    } else {
      await writeFile(to, await readFile(from));
    }
    compiled += 1;
  }
  const built = await readdir(path.join(folder, 'dist'), { recursive: true, withFileTypes: true }).catch(() => []);
  for (const entry of built) {
    const file = path.join(entry.parentPath ?? entry.path, entry.name);
    if (entry.isFile() && !wanted.has(file)) await rm(file);
  }
}

for (const group of ['libs', 'services', 'apps']) {
  for (const name of await readdir(path.join(root, group))) {
    if (await modifiedAt(path.join(root, group, name, 'src'))) await buildPackage(path.join(root, group, name));
  }
}
await buildPackage(path.join(root, 'bench'));
if (compiled > 0) console.log(`compiled ${compiled} files`);
