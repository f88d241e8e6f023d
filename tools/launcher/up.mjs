import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  homeAt,
  homeFolder,
  isRunning,
  prepareHome,
  ProcessTable,
  readFleetState,
} from '../../apps/standalone/dist/infrastructure/index.js';
import { stopAll } from './down.mjs';
import { withLock } from './lock.mjs';
import { note } from './progress.mjs';
import { LauncherError } from './run.mjs';
import { chooseHypervisor, ensureGuestImage, lacksForLibvirt } from './setup.mjs';
import { startFleet } from './fleet.mjs';

export async function run({ options, lacking }) {
  const home = homeAt(homeFolder(process.env, process.getuid()));
  const table = new ProcessTable(home);
  const interrupted = whenInterrupted();
  const hypervisor = chooseHypervisor(
    options.hypervisor ?? (options.hosts === undefined ? undefined : 'simulated'),
    lacksForLibvirt(lacking),
  );
  const count = hostCount(hypervisor, options.hosts);
  const started = await withLock('up', () => ensureRunning(), home.root);
  await introduce(home, hypervisor, started);
  if (options.detach || !started) return 0;
  return watchOver(table, interrupted);

  async function ensureRunning() {
    if (await isUp(table)) return false;
    await stopLeftovers(table);
    await prepareHome(home);
    if (hypervisor === 'libvirt') await ensureGuestImage(home);
    try {
      await startFleet({ home, table, hypervisor, count, split: Boolean(options.split), interrupted });
    } catch (error) {
      await stopAll(table);
      throw error;
    }
    return true;
  }
}

function hostCount(hypervisor, wished) {
  if (hypervisor === 'simulated') return wished ?? 3;
  if (wished !== undefined && wished !== 1)
    throw new LauncherError('this machine is one host; --hosts N is for --hypervisor simulated');
  return 1;
}

async function isUp(table) {
  const parts = await table.list();
  return parts.length > 0 && parts.every(({ identity }) => isRunning(identity));
}

/** Parts of an earlier run that ended half: they may hold the ports and the data. */
async function stopLeftovers(table) {
  if ((await table.list()).some(({ identity }) => isRunning(identity))) await stopAll(table);
}

async function introduce(home, hypervisor, started) {
  const { ports } = await readFleetState(home);
  const url = `http://127.0.0.1:${ports.api}`;
  const image = existsSync(path.join(home.imageFolder, 'guest', 'image.json'))
    ? ' (the small guest image, a real Linux)'
    : '';
  console.log(`
Drover ${started ? 'is up' : 'was up already'}: ${url}   API description: ${url}/api/docs
API token:   ${home.apiTokenFile}
Data:        ${home.root}
Hypervisor:  ${hypervisor}

Try:
  ./drover ctl hosts list
  ./drover ctl vms create first --wait${hypervisor === 'libvirt' ? image : ''}
  curl -H "Authorization: Bearer $(cat ${home.apiTokenFile})" ${url}/api/v1/vms
`);
}

function whenInterrupted() {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => controller.abort(new LauncherError(`interrupted (${signal})`)));
  }
  return controller.signal;
}

/** In the foreground: until Ctrl-C, or until a part ends that should not have. Then everything stops, last started first. */
async function watchOver(table, interrupted) {
  note('Ctrl-C stops it.');
  let ended;
  while (!interrupted.aborted && ended === undefined) {
    await delay(500, undefined, { signal: interrupted }).catch((error) => {
      if (error.name !== 'AbortError') throw error;
    });
    const entries = await table.list();
    // Emptied by `down` from another terminal.
    if (entries.length === 0) return 0;
    ended = entries.find(({ identity }) => !isRunning(identity));
  }
  if (ended !== undefined) note(`${ended.name} ended by itself; see ${ended.logFile}`);
  await stopAll(table);
  return ended === undefined ? 0 : 1;
}
