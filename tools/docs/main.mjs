// What npm run check asks of documents: node tools/docs/main.mjs
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { missingPaths } from './paths.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
/** A decision is superseded, never rewritten, and the list of reviews quotes what they said. */
const asWritten = /^docs\/(decisions\/|reference\/reviews\.md)/;

const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file.endsWith('.md') && !asWritten.test(file));
const problems = files.flatMap((file) => missingPaths(root, file));
if (problems.length > 0) {
  console.log(problems.join('\n'));
  process.exitCode = 1;
}
