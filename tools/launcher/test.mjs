import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { homeAt, homeFolder, prepareHome } from '../../apps/standalone/dist/infrastructure/index.js';
import { runChecks } from '../check.mjs';
import { jestCommand } from '../jest.mjs';
import { levels } from './commands.mjs';
import { note } from './progress.mjs';
import { LauncherError, runVisibly } from './run.mjs';
import { ensureGuestImage, lacksForLibvirt } from './setup.mjs';
import { failuresOf, outcomeOf, totalOf } from './test-outcome.mjs';

/** Servers and machines in numbers are for one test at a time. */
const workers = { unit: ['--maxWorkers=2'], int: ['--maxWorkers=2'], system: ['--runInBand'], live: ['--runInBand'] };

/** Runs the levels one after the other, each to its end, and sums up on the last line. */
export async function run({ operands, rest, lacking }) {
  const wanted = operands.length > 0 ? levels.filter((level) => operands.includes(level)) : levels;
  await prepareFor(wanted, lacking);
  const outcomes = [];
  if (operands.length === 0) {
    const failed = await runChecks();
    outcomes.push({ level: 'check', passed: 0, failed: failed.length, skipped: 0, failures: [] });
  }
  for (const level of wanted) {
    note(`\n── ${level}`);
    outcomes.push(await runLevel(level, rest));
  }
  const { passed, failed, skipped } = totalOf(outcomes);
  for (const failure of outcomes.flatMap(({ failures }) => failures)) note(`\n${failure}`);
  for (const outcome of outcomes) if (outcome.failed > 0) note(`failed in ${outcome.level}: ${outcome.failed}`);
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  return failed > 0 ? 1 : 0;
}

async function prepareFor(wanted, lacking) {
  if (!wanted.includes('live')) return;
  const lacks = lacksForLibvirt(lacking);
  if (lacks.length > 0) {
    const others = wanted.filter((level) => level !== 'live').join(' ');
    const hint = others ? `\nWithout it: ./drover test ${others}` : '';
    throw new LauncherError(`the live level needs:\n${lacks.map((lack) => `  - ${lack}`).join('\n')}${hint}`);
  }
  const home = ownHome();
  await prepareHome(home);
  await ensureGuestImage(home);
}

function ownHome() {
  return homeAt(homeFolder(process.env, process.getuid()));
}

async function runLevel(level, jestArguments) {
  const folder = mkdtempSync(path.join(tmpdir(), 'drover-test-'));
  const resultFile = path.join(folder, 'result.json');
  try {
    const flags = [...workers[level], '--json', `--outputFile=${resultFile}`, ...jestArguments];
    const { program, args, env } = jestCommand([level], flags);
    const stdio = ['ignore', 'ignore', 'inherit'];
    // Real machines boot the image that has just been made ready.
    const images = { DROVER_IMAGE_FOLDER: ownHome().imageFolder };
    const status = await runVisibly(program, args, { env: { ...withoutOwnSettings(env), ...images }, stdio });
    const result = readResult(resultFile);
    return { ...outcomeOf(level, status, result), failures: failuresOf(level, result) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readResult(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Tests run homes and databases of their own: what this shell says of ours must not reach them. */
function withoutOwnSettings(env) {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^(DROVER_|DATABASE_URL$)/.test(name)));
}
