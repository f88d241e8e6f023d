// Runs the named test levels: node tools/jest.mjs unit|int|system|live … [-- jest arguments].
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const separator = process.argv.indexOf('--');
const levels = process.argv.slice(2, separator < 0 ? undefined : separator);
const jestArguments = separator < 0 ? [] : process.argv.slice(separator + 1);
const result = spawnSync(
  path.join(root, 'node_modules/.bin/node'),
  [path.join(root, 'node_modules/jest/bin/jest.js'), ...jestArguments, '--selectProjects', ...levels],
  {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, NODE_OPTIONS: '--experimental-vm-modules --disable-warning=ExperimentalWarning' },
  },
);
process.exit(result.status ?? 1);
