// Compiles every package's src/ to dist/ with swc; only files newer than their output are compiled again.
import { mkdir, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformFile } from '@swc/core';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const options = JSON.parse(await readFile(path.join(root, '.swcrc'), 'utf8'));
let compiled = 0;

async function modifiedAt(file) {
  return stat(file).then(
    (entry) => entry.mtimeMs,
    () => 0,
  );
}

async function filesBelow(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
}

/** At once, since a program may be started from here while it is compiled again. */
async function replace(file, content) {
  const draft = `${file}.${process.pid}.new`;
  await writeFile(draft, content);
  await rename(draft, file);
}

async function compile(from, to) {
  await mkdir(path.dirname(to), { recursive: true });
  compiled += 1;
  if (!from.endsWith('.ts')) return replace(to, await readFile(from));
  const output = await transformFile(from, { ...options, swcrc: false, sourceFileName: from });
  await replace(`${to}.map`, output.map ?? '');
  return replace(to, `${output.code}\n//# sourceMappingURL=${path.basename(to)}.map\n`);
}

async function buildPackage(folder) {
  const sourceFolder = path.join(folder, 'src');
  const outputFolder = path.join(folder, 'dist');
  const wanted = new Set();
  for (const from of await filesBelow(sourceFolder)) {
    const source = path.relative(sourceFolder, from);
    if (/\.spec\.ts$|\.d\.ts$/.test(source)) continue;
    const to = path.join(outputFolder, source.replace(/\.ts$/, '.js'));
    // Packing a package leaves a build without maps there: it is not ours, however new.
    const outputs = source.endsWith('.ts') ? [to, `${to}.map`] : [to];
    for (const output of outputs) wanted.add(output);
    const builtAt = Math.min(...(await Promise.all(outputs.map(modifiedAt))));
    if (builtAt <= (await modifiedAt(from))) await compile(from, to);
  }
  for (const file of await filesBelow(outputFolder)) {
    if (!wanted.has(file) && !file.endsWith('.new')) await rm(file, { force: true });
  }
}

for (const group of ['libs', 'services', 'apps']) {
  for (const name of await readdir(path.join(root, group))) await buildPackage(path.join(root, group, name));
}
await buildPackage(path.join(root, 'bench'));
if (compiled > 0) console.log(`compiled ${compiled} files`);
