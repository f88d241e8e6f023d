// npm run check: format, lint, types and documents of everything (seconds, thanks to caches), unit tests of what the change touches.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { jestCommand } from './jest.mjs';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const node = path.join(root, 'node_modules/.bin/node');
const nx = 'node_modules/nx/dist/bin/nx.js';
const base = 'main';
const withoutDaemon = { ...process.env, NX_DAEMON: 'false' };

const usage = `npm run check [-- --all]

Checks format, lint, types, documents and version plans of everything, then runs the unit tests of what changed since ${base}.

  --all       unit tests of everything, as in CI and where no ${base} is known to compare with
  --help, -h  this text
`;

/** Caches by content: a file counts as seen when it says the same. */
const cached = (name) => [
  '--cache',
  '--cache-strategy',
  'content',
  '--cache-location',
  `node_modules/.cache/drover-${name}`,
];
const checks = [
  {
    name: 'format',
    args: ['node_modules/prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', ...cached('prettier'), '.'],
  },
  { name: 'lint', args: ['node_modules/eslint/bin/eslint.js', '.'] },
  { name: 'documents', args: ['tools/docs/main.mjs'] },
  { name: 'types', args: ['node_modules/typescript/bin/tsc', '--project', 'tsconfig.json'] },
  // What a release tells operators; a checkout without the base branch has nothing to compare with.
  ...(hasBase() ? [{ name: 'version plans', args: [nx, 'release', 'plan:check', `--base=${base}`] }] : []),
];

/** Runs all but the tests, two at a time, and resolves to the names of those that failed. */
export async function runChecks() {
  // The boundary rule reads the graph of projects from nx's cache and passes everything where there is none.
  const { status: graphed, output: complaint } = await run(node, [nx, 'show', 'projects']);
  if (graphed !== 0) throw new Error(`nx found no projects: ${complaint}`);
  const waiting = [...checks];
  const failed = [];
  const worker = async () => {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
      const { status, output } = await run(node, check.args);
      console.log(`${status === 0 ? '✓' : '✗'} ${check.name}${status === 0 ? '' : `\n${output.trimEnd()}`}`);
      if (status !== 0) failed.push(check.name);
    }
  };
  await Promise.all([worker(), worker()]);
  return failed;
}

/**
 * Folders of the projects that the change since `main` (not committed included) touches or that depend on such; undefined
 * means everything: no base, or a file changed that belongs to no project.
 */
function affectedFolders() {
  try {
    const changed = git('diff', '--name-only', base).concat(git('ls-files', '--others', '--exclude-standard'));
    if (changed.some((file) => !/^(libs|services|apps|docs|test|bench)\//.test(file) && !file.endsWith('.md')))
      return undefined;
    const question = [nx, 'show', 'projects', '--affected', `--base=${base}`, '--json'];
    const names = JSON.parse(execFileSync(node, question, { cwd: root, encoding: 'utf8', env: withoutDaemon }));
    return names.map((name) => name.replace('@drover/', ''));
  } catch (error) {
    console.log(`checking everything: ${error.message.split('\n')[0]}`);
    return undefined;
  }
}

function hasBase() {
  return spawnSync('git', ['rev-parse', '--verify', '--quiet', base], { cwd: root }).status === 0;
}

function git(...args) {
  return execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
    .split('\n')
    .filter(Boolean);
}

function run(program, args, options = {}) {
  return new Promise((resolve, reject) => {
    const streams = ['ignore', 'pipe', 'pipe'];
    const child = spawn(program, args, { cwd: root, env: withoutDaemon, stdio: streams, ...options });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text) => (output += text));
    child.once('error', reject);
    child.once('close', (status) => resolve({ status: status ?? 1, output }));
  });
}

/** What is said instead of checking, and the exit status: to who asks for help, and to who asks for what there is not. */
export function answerTo(args) {
  if (args.includes('--help') || args.includes('-h')) return { status: 0, text: usage };
  const unknown = args.filter((argument) => argument !== '--all');
  return unknown.length === 0 ? undefined : { status: 2, text: `unknown: ${unknown.join(' ')}\n\n${usage}` };
}

async function check(isAll) {
  const failed = await runChecks();
  const names = isAll || process.env.CI ? undefined : affectedFolders();
  if (names === undefined || names.length > 0) {
    const folders = names === undefined ? [] : [`(libs|services|apps)/(${names.join('|')})/`];
    const { program, args, env } = jestCommand(['unit'], ['--maxWorkers=2', '--passWithNoTests', ...folders]);
    if ((await run(program, args, { env, stdio: 'inherit' })).status !== 0) failed.push('unit');
  }
  if (failed.length > 0) console.log(`failed: ${failed.join(', ')}`);
  return failed.length > 0 ? 1 : 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const args = process.argv.slice(2);
  const answer = answerTo(args);
  if (answer !== undefined) (answer.status === 0 ? process.stdout : process.stderr).write(answer.text);
  process.exitCode = answer?.status ?? (await check(args.includes('--all')));
}
