import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { median, note, rounded, type Figure } from './figure.js';

/** What creates are measured against: the last commit before orders were signed and hosts were taken for enemies. */
const BASELINE = '906c446';
const ROUNDS = 3;

const run = promisify(execFile);
const here = path.resolve(import.meta.dirname, '../..');

interface Created {
  readonly cpuSecondsPerVm: number;
  readonly p99Ms: number;
}

/**
 * `create-to-running` of this checkout and of the baseline's, by turns on the same machine, each with its own code and its own
 * packages: `BASELINE` of the environment names a checkout that is built already, else one is made and removed.
 */
export async function* bench(): AsyncIterable<Figure> {
  const folder = process.env['BASELINE'] ?? (await checkOut());
  try {
    const runs: { readonly now: Created[]; readonly then: Created[] } = { now: [], then: [] };
    for (let round = 0; round < ROUNDS; round += 1) {
      runs.then.push(await createsOf(folder));
      runs.now.push(await createsOf(here));
      note(JSON.stringify({ then: runs.then.at(-1), now: runs.now.at(-1) }));
    }
    for (const [figure, measure] of [
      ['create-cpu-versus-baseline', (one: Created) => one.cpuSecondsPerVm],
      ['create-p99-versus-baseline', (one: Created) => one.p99Ms],
    ] as const) {
      yield {
        figure,
        value: rounded(median(runs.now.map(measure)) / median(runs.then.map(measure))),
        unit: 'ratio',
        goal: 0.5,
        better: 'lower',
        detail: { baseline: BASELINE, now: runs.now.map(measure), then: runs.then.map(measure) },
      };
    }
  } finally {
    if (process.env['BASELINE'] === undefined) await remove(folder);
  }
}

async function checkOut(): Promise<string> {
  const folder = path.join(await mkdtemp(path.join(tmpdir(), 'drover-baseline-')), 'drover');
  note(`checking out ${BASELINE} into ${folder}`);
  await run('git', ['worktree', 'add', '--detach', folder, BASELINE], { cwd: here });
  await run('npm', ['ci', '--no-audit', '--no-fund', '--prefer-offline'], { cwd: folder });
  await run(path.join(folder, 'node_modules/.bin/node'), ['tools/build.mjs'], { cwd: folder });
  return folder;
}

async function remove(folder: string): Promise<void> {
  await run('git', ['worktree', 'remove', '--force', folder], { cwd: here });
  await rm(path.dirname(folder), { recursive: true, force: true });
}

async function createsOf(folder: string): Promise<Created> {
  const node = path.join(folder, 'node_modules/.bin/node');
  const { stdout } = await run(node, ['bench/dist/main.js', 'create-to-running'], { cwd: folder });
  const figures = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { readonly figure: string; readonly detail: Created });
  const created = figures.find(({ figure }) => figure === 'create-to-running');
  if (created === undefined) throw new Error(`${folder} gives no figure of creates`);
  return created.detail;
}
