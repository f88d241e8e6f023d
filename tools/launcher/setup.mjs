// Everything that must be there before Drover runs. Each step looks first, and does nothing when nothing is missing.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { canInstall, findProgram, foundNatsServer, install, lacksOfBase, missingPackages } from './debian.mjs';
import { note, step } from './progress.mjs';
import { LauncherError, node24, root, runQuietly } from './run.mjs';
import { treeLocks, withLock } from './lock.mjs';

const lockFile = path.join(root, 'package-lock.json');
const installedMark = path.join(root, 'node_modules', '.drover-installed');

/** Debian packages, where that is ours to do. Resolves to what real VMs still lack. */
export async function ensurePackages() {
  let missing = missingPackages();
  const all = [...missing.base, ...missing.virtualisation];
  if (all.length > 0 && canInstall()) {
    await step(`installing ${all.length} Debian packages (${all.join(' ')})`, (tell) => install(all, tell));
    missing = { base: [], virtualisation: [] };
  }
  const lacks = lacksOfBase(missing.base, foundNatsServer());
  if (lacks.length > 0) throw new LauncherError(`missing:\n${lacks.map((lack) => `  - ${lack}`).join('\n')}`);
  return missing.virtualisation;
}

export function areDependenciesCurrent() {
  if (!existsSync(node24)) return false;
  if (existsSync(installedMark)) return readFileSync(installedMark, 'utf8') === lockDigest();
  const npmsOwn = path.join(root, 'node_modules', '.package-lock.json');
  return existsSync(npmsOwn) && statSync(npmsOwn).mtimeMs >= statSync(lockFile).mtimeMs;
}

/** `npm ci`, which also brings Node 24. */
export async function ensureDependencies() {
  if (areDependenciesCurrent()) return;
  const npm = findProgram('npm');
  if (npm === undefined)
    throw new LauncherError('npm is needed to install the dependencies (Debian: apt-get install npm)');
  const installing = async () => {
    if (areDependenciesCurrent()) return;
    await step('installing npm packages', () => runQuietly(npm, ['ci', '--no-fund', '--no-audit', '--loglevel=error']));
    writeFileSync(installedMark, lockDigest());
  };
  await withLock('install', installing, treeLocks);
}

export async function ensureBuilt() {
  const compiling = () => step('compiling', () => runQuietly(node24, [path.join(root, 'tools', 'build.mjs')]));
  await withLock('build', compiling, treeLocks);
}

export async function ensureGuestImage(home) {
  const { buildGuestImage } = await import('../guest-image/build.mjs');
  const cacheFolder = path.join(home.root, 'cache');
  await step('guest image', (tell) =>
    Promise.resolve(buildGuestImage({ imageFolder: home.imageFolder, cacheFolder, report: tell })),
  );
}

/** What is missing for real VMs on this machine, in words; empty when nothing is. */
export function lacksForLibvirt(missing) {
  return [
    ...(process.getuid() === 0 ? [] : ['root (libvirt, disks and networks of this machine)']),
    ...(missing.length === 0 ? [] : [`Debian packages: apt-get install --no-install-recommends ${missing.join(' ')}`]),
  ];
}

/** The wished hypervisor; without a wish real VMs where that is possible, else a simulated fleet, saying why. */
export function chooseHypervisor(wish, lacks) {
  if (wish === 'simulated') return 'simulated';
  if (lacks.length === 0) return 'libvirt';
  if (wish === 'libvirt')
    throw new LauncherError(`--hypervisor libvirt needs:\n${lacks.map((lack) => `  - ${lack}`).join('\n')}`);
  note('For real VMs this machine lacks:');
  for (const lack of lacks) note(`  - ${lack}`);
  note('So it runs with --hypervisor simulated: hosts and VMs are played.');
  return 'simulated';
}

function lockDigest() {
  return createHash('sha256').update(readFileSync(lockFile)).digest('hex');
}
