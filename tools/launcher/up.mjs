import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  describeFleet,
  differenceFrom,
  ensureApiToken,
  homeAt,
  homeFolder,
  isRunning,
  prepareHome,
  ProcessTable,
  readFleetState,
  readRunningFleet,
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
  const wished = wishOf(options);
  const { running, isNew } = await withLock('up', () => ensureRunning(), home.root);
  await introduce(home, running, isNew);
  if (options.detach || !isNew) return 0;
  return watchOver(table, interrupted);

  async function ensureRunning() {
    const found = (await isUp(table)) ? await readRunningFleet(home) : undefined;
    if (found !== undefined) {
      const difference = differenceFrom(found, wished);
      if (difference !== undefined) throw new LauncherError(difference);
      return { running: found, isNew: false };
    }
    const running = toRun(wished, lacksForLibvirt(lacking));
    await stopLeftovers(table);
    await prepareHome(home);
    if (running.hypervisor === 'libvirt') await ensureGuestImage(home);
    try {
      await startFleet({ home, table, running, interrupted });
    } catch (error) {
      await stopAll(table);
      throw error;
    }
    return { running, isNew: true };
  }
}

/** What the flags ask for; what they leave open is absent. A number of hosts is one of simulated hosts. */
function wishOf({ hypervisor, hosts, split }) {
  const kind = hypervisor ?? (hosts === undefined ? undefined : 'simulated');
  if (kind === 'libvirt' && hosts !== undefined && hosts !== 1)
    throw new LauncherError('this machine is one host; --hosts N is for --hypervisor simulated');
  return {
    ...(kind === undefined ? {} : { hypervisor: kind }),
    ...(hosts === undefined ? {} : { hosts }),
    ...(split === undefined ? {} : { split }),
  };
}

function toRun(wished, lacks) {
  const hypervisor = chooseHypervisor(wished.hypervisor, lacks);
  const hosts = hypervisor === 'libvirt' ? 1 : (wished.hosts ?? 3);
  return { hypervisor, hosts, split: wished.split ?? false };
}

async function isUp(table) {
  const parts = await table.list();
  return parts.length > 0 && parts.every(({ identity }) => isRunning(identity));
}

/** Parts of an earlier run that ended half: they may hold the ports and the data. */
async function stopLeftovers(table) {
  if ((await table.list()).some(({ identity }) => isRunning(identity))) await stopAll(table);
}

/** On standard output alone, where the token is no part of any log. */
async function introduce(home, running, isNew) {
  const { ports } = await readFleetState(home);
  const url = `http://127.0.0.1:${ports.api}`;
  const hasImage = running.hypervisor === 'libvirt' && existsSync(path.join(home.imageFolder, 'guest', 'image.json'));
  console.log(`
Drover ${isNew ? 'is up' : 'was up already'}: ${url}   API description: ${url}/api/docs
API token:   ${(await ensureApiToken(home)).trim()}
             in ${home.apiTokenFile}
Data:        ${home.root}
Hypervisor:  ${describeFleet(running)}

Try:
  ./drover ctl hosts list
  ./drover ctl vms create first --wait${hasImage ? '   # boots the small guest image, a real Linux' : ''}
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
