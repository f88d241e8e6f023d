// What npm run check asks of documents and words: node tools/docs/main.mjs
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { missingPaths, withoutReadme } from './paths.mjs';
import { hardWords } from './words.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
/** A decision is superseded, never rewritten, and the list of reviews quotes what they said. */
const asWritten = /^docs\/(decisions\/|reference\/reviews\.md)/;
/** Quote the words, because they are about them. */
const quotes = /^(docs\/style\.md|tools\/docs\/words(\.spec)?\.mjs)$/;

const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter(
    (file) => /\.(md|ts|mjs|ya?ml)$|^drover$/.test(file) && !asWritten.test(file) && existsSync(path.join(root, file)),
  );
const packages = execFileSync('git', ['ls-files', '*package.json'], { cwd: root, encoding: 'utf8' })
  .split('\n')
  .filter((file) => /^(libs|services|apps)\/[^/]+\/package\.json$/.test(file))
  .map((file) => path.dirname(file));
const problems = [
  ...withoutReadme(root, [...packages, 'tools', 'test', 'bench']),
  ...files.flatMap((file) => [
    ...(file.endsWith('.md') ? missingPaths(root, file) : []),
    ...(quotes.test(file) ? [] : hardWords(root, file)),
  ]),
];
if (problems.length > 0) {
  console.log(problems.join('\n'));
  process.exitCode = 1;
}
