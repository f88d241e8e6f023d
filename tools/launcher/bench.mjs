import { existsSync } from 'node:fs';
import path from 'node:path';
import { homeAt, homeFolder, prepareHome } from '../../apps/standalone/dist/infrastructure/index.js';
import { LauncherError, node24, root, runVisibly } from './run.mjs';
import { ensureGuestImage, lacksForLibvirt } from './setup.mjs';

/** Runs the benches, compiled; each figure is one JSON line on standard output. */
export async function run({ operands, lacking }) {
  const program = path.join(root, 'bench', 'dist', 'main.js');
  if (!existsSync(program)) throw new LauncherError(`there are no benches: ${program} is missing`);
  if (lacksForLibvirt(lacking).length === 0) {
    const home = homeAt(homeFolder(process.env, process.getuid()));
    await prepareHome(home);
    await ensureGuestImage(home);
  }
  return runVisibly(node24, ['--enable-source-maps', program, ...operands]);
}
