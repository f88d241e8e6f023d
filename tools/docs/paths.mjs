// Paths that documents name must exist: a link's target, and any path in backticks that begins with a folder of the repository.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

const FOLDERS = 'libs|services|apps|tools|test|bench|docs';
const CODE = new RegExp(`\`((?:${FOLDERS})/[^\`\\s]*)\``, 'g');
const LINK = /\]\(([^)\s]+)\)/g;
/** `<name>`, `*`, `…` and braces stand for something: such a path names no file. */
const PATTERN = /[<>*…{}]/;

/** What a document names and the repository lacks, as `line: path`. */
export function missingPaths(root, file) {
  const missing = [];
  const lines = readFileSync(path.join(root, file), 'utf8').split('\n');
  for (const [index, line] of lines.entries()) {
    for (const named of namedIn(line, path.dirname(file))) {
      if (!existsSync(path.join(root, named))) missing.push(`${file}:${index + 1}: there is no ${named}`);
    }
  }
  return missing;
}

function namedIn(line, folder) {
  const inCode = [...line.matchAll(CODE)].map(([, named]) => named.replace(/:\d+$/, ''));
  const links = [...line.matchAll(LINK)].map(([, target]) => target.split('#')[0]);
  return [
    ...inCode.filter((named) => !PATTERN.test(named)),
    ...links.filter((target) => target !== '' && !/^[a-z]+:/.test(target)).map((target) => path.join(folder, target)),
  ];
}
