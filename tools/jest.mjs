// Runs the named test levels: node tools/jest.mjs unit|int|system|live … [-- jest arguments].
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** A unit spec that hangs is ended, also on a busy machine; the others start servers and boot machines, on emulated processors too. */
const timeoutMs = { unit: 30_000, int: 60_000, system: 120_000, live: 300_000 };

/** The program and arguments that run these levels; the environment comes with them. */
export function jestCommand(levels, jestArguments = []) {
  const timeout = Math.max(...levels.map((level) => timeoutMs[level] ?? 30_000));
  return {
    program: path.join(root, 'node_modules/.bin/node'),
    args: [
      path.join(root, 'node_modules/jest/bin/jest.js'),
      ...['--selectProjects', ...levels, `--testTimeout=${timeout}`, ...jestArguments],
    ],
    env: { ...process.env, NODE_OPTIONS: '--experimental-vm-modules --disable-warning=ExperimentalWarning' },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const separator = process.argv.indexOf('--');
  const levels = process.argv.slice(2, separator < 0 ? undefined : separator);
  const { program, args, env } = jestCommand(levels, separator < 0 ? [] : process.argv.slice(separator + 1));
  const result = spawnSync(program, args, { cwd: root, stdio: 'inherit', env });
  process.exit(result.status ?? 1);
}
