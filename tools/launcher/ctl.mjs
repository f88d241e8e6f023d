import { existsSync } from 'node:fs';
import path from 'node:path';
import { node24, root, runVisibly } from './run.mjs';
import { ensureBuilt } from './setup.mjs';

/** The client, told where this home's API is and where its token is, unless the environment says otherwise. */
export async function run({ rest }) {
  const program = path.join(root, 'apps', 'cli', 'dist', 'main.js');
  if (!existsSync(program)) await ensureBuilt();
  return runVisibly(node24, [program, ...rest], {
    cwd: process.cwd(),
    env: { ...(await homeSettings()), ...process.env },
  });
}

/** The API's socket in the home: behind a port there might be anybody, and he would be sent the token. */
async function homeSettings() {
  const { homeAt, homeFolder } = await import('../../apps/standalone/dist/infrastructure/index.js');
  const home = homeAt(homeFolder(process.env, process.getuid()));
  // Where there is no token, nothing runs either, which the client then says.
  const token = existsSync(home.apiTokenFile) ? { DROVER_TOKEN_FILE: home.apiTokenFile } : {};
  return { DROVER_URL: `unix:${home.apiSocket}`, ...token };
}
