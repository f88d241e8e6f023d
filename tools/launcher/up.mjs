import { existsSync } from 'node:fs';
import { stat, statfs } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  describeFleet,
  differenceFrom,
  ensureServiceUsers,
  homeAt,
  homeFolder,
  isRunning,
  prepareHome,
  ProcessTable,
  readFleetState,
  readRunningFleet,
  serviceParts,
} from '../../apps/standalone/dist/infrastructure/index.js';
import { stopAll } from './down.mjs';
import { withLock } from './lock.mjs';
import { note } from './progress.mjs';
import { LauncherError } from './run.mjs';
import { chooseHypervisor, ensureGuestImage, lacksForLibvirt } from './setup.mjs';
import { howItEnded, startFleet } from './fleet.mjs';

export async function run({ options, lacking }) {
  const home = homeAt(homeFolder(process.env, process.getuid()));
  const table = new ProcessTable(home);
  const interrupted = whenInterrupted();
  const wished = wishOf(options);
  const { running, isNew, trouble } = await withLock('up', ensureRunning, home.runFolder, interrupted);
  await introduce(home, running, isNew);
  if (trouble !== undefined) note(trouble);
  const status = trouble === undefined ? 0 : 1;
  if (options.detach || !isNew) return status;
  return (await watchOver(table, interrupted)) || status;

  async function ensureRunning() {
    const parts = await table.list();
    const areRunning = parts.filter(({ identity }) => isRunning(identity));
    const found = areRunning.length > 0 ? await readRunningFleet(home) : undefined;
    if (found !== undefined) {
      const difference = differenceFrom(found, wished);
      if (difference !== undefined) throw new LauncherError(difference);
      const names = new Set(areRunning.map(({ name }) => name));
      const missing = ['nats-server', ...serviceParts(found.split).map(({ name }) => name)].filter(
        (name) => !names.has(name),
      );
      if (areRunning.length === parts.length && missing.length === 0) return { running: found, isNew: false };
      // What is healthy goes on; only what has ended is started again.
      for (const part of parts) if (!areRunning.includes(part)) note(`${part.name} had ended; see ${part.logFile}`);
    }
    const running = found ?? toRun(wished, lacksForLibvirt(lacking));
    await prepareHome(home, await ensureServiceUsers());
    if (running.hypervisor === 'libvirt') await ensureGuestImage(home);
    const trouble = await startFleet({ home, table, running, interrupted });
    return { running, isNew: true, trouble };
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

async function introduce(home, running, isNew) {
  const { ports } = await readFleetState(home);
  const url = `http://127.0.0.1:${ports.api}`;
  const hasImage = running.hypervisor === 'libvirt' && existsSync(path.join(home.imageFolder, 'guest', 'image.json'));
  console.log(`
Drover ${isNew ? 'is up' : 'was up already'}: ${url}   API description: ${url}/api/docs
API token:   in ${home.apiTokenFile}
Data:        ${home.root}
Hypervisor:  ${describeFleet(running)}
${await remarks(home, running)}
Try:
  ./drover ctl hosts list
  ./drover ctl vms create first --wait${hasImage ? '   # boots the small guest image, a real Linux' : ''}
  sed 's/^/Authorization: Bearer /' ${home.apiTokenFile} | curl -H @- ${url}/api/v1/vms
`);
}

function whenInterrupted() {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => controller.abort(new LauncherError(`interrupted (${signal})`)));
  }
  return controller.signal;
}

/** What an operator of real VMs should know where the defaults are not what he would choose. */
async function remarks(home, { hypervisor }) {
  if (hypervisor !== 'libvirt') return '';
  const [volumes, store] = await Promise.all([home.poolFolder, home.postgresFolder].map((folder) => stat(folder)));
  const shared = volumes.dev === store.dev;
  const free = Math.floor((await statfs(home.poolFolder).then(({ bavail, bsize }) => bavail * bsize)) / 2 ** 30);
  const text = `Volumes:     ${home.poolFolder}, ${free} GiB free\n`;
  if (!shared) return text;
  return `${text}  ATTENTION: the disks of VMs and the event store share a file system. Guests that fill it stop Drover and
  each other. For more than a trial, mount a file system of its own at ${home.poolFolder}.
`;
}

/** In the foreground: until Ctrl-C; then everything stops, last started first. A part that ends by itself is told, and the others go on. */
async function watchOver(table, interrupted) {
  note('Ctrl-C stops it.');
  const told = new Set();
  while (!interrupted.aborted) {
    await delay(500, undefined, { signal: interrupted }).catch((error) => {
      if (error.name !== 'AbortError') throw error;
    });
    const entries = await table.list();
    // Emptied by `down` from another terminal.
    if (entries.length === 0) return told.size === 0 ? 0 : 1;
    for (const entry of entries) {
      const key = `${entry.name} ${entry.identity.pid}`;
      if (isRunning(entry.identity) || told.has(key)) continue;
      told.add(key);
      note(`${await howItEnded(entry)}\nThe others go on. ./drover up in another terminal starts it again.`);
    }
  }
  await stopAll(table);
  return told.size === 0 ? 0 : 1;
}
