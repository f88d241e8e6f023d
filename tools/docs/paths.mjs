// Paths that documents name must exist: a link's target, and any path in backticks that begins with a folder of the repository.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

const FOLDERS = 'libs|services|apps|tools|test|bench|docs';
const CODE = new RegExp(`\`((?:${FOLDERS})/[^\`\\s]*)\``, 'g');
/** In a README: below the folder that it is of. */
const OWN = /`((?:src|fixtures)\/[^`\s]*)`/g;
const LINK = /\]\(([^)\s]+)\)/g;
/** `<name>`, `*`, `…` and braces stand for something: such a path names no file. */
const PATTERN = /[<>*…{}]/;

/** What a document names and the repository lacks, as `line: path`. */
export function missingPaths(root, file) {
  const missing = [];
  const lines = readFileSync(path.join(root, file), 'utf8').split('\n');
  for (const [index, line] of lines.entries()) {
    for (const named of namedIn(line, file)) {
      if (!existsSync(path.join(root, named))) missing.push(`${file}:${index + 1}: there is no ${named}`);
    }
  }
  return missing;
}

/** Folders that a newcomer opens and that say nothing of themselves. */
export function withoutReadme(root, folders) {
  return folders
    .filter((folder) => !existsSync(path.join(root, folder, 'README.md')))
    .map((folder) => `${folder}: has no README.md (what it is for, its folders, how to add and to test)`);
}

function namedIn(line, file) {
  const folder = path.dirname(file);
  const own =
    path.basename(file) === 'README.md' ? [...line.matchAll(OWN)].map(([, named]) => path.join(folder, named)) : [];
  const inCode = [...[...line.matchAll(CODE)].map(([, named]) => named.replace(/:\d+$/, '')), ...own];
  const links = [...line.matchAll(LINK)].map(([, target]) => target.split('#')[0]);
  return [
    ...inCode.filter((named) => !PATTERN.test(named)),
    ...links.filter((target) => target !== '' && !/^[a-z]+:/.test(target)).map((target) => path.join(folder, target)),
  ];
}
