import { existsSync } from 'node:fs';
import path from 'node:path';
import { node24, root, runVisibly } from './run.mjs';
import { ensureBuilt } from './setup.mjs';

/** The client, told where this home's API listens and where its token is unless the environment says otherwise. */
export async function run({ rest }) {
  const program = path.join(root, 'apps', 'cli', 'dist', 'main.js');
  if (!existsSync(program)) await ensureBuilt();
  return runVisibly(node24, [program, ...rest], {
    cwd: process.cwd(),
    env: { ...(await homeSettings()), ...process.env },
  });
}

async function homeSettings() {
  const { homeAt, homeFolder, readFleetState } = await import('../../apps/standalone/dist/infrastructure/index.js');
  const home = homeAt(homeFolder(process.env, process.getuid()));
  const state = await readFleetState(home);
  // Its help needs no Drover; everything else says itself that nobody answers.
  if (state === undefined) return {};
  return { DROVER_URL: `http://127.0.0.1:${state.ports.api}`, DROVER_TOKEN_FILE: home.apiTokenFile };
}
