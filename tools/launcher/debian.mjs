// Debian packages: which programs are missing here, which package has each, and their installation as root.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { runQuietly } from './run.mjs';

const folders = ['/usr/sbin', '/usr/bin', '/sbin', '/bin', '/usr/local/sbin', '/usr/local/bin'];
const qemu = { x64: 'qemu-system-x86_64', arm64: 'qemu-system-aarch64' }[process.arch] ?? 'qemu-system-x86_64';

/** What every Drover needs. */
const base = { 'nats-server': 'nats-server' };
/** What real VMs need besides. */
const virtualisation = {
  [qemu]: process.arch === 'arm64' ? 'qemu-system-arm' : 'qemu-system-x86',
  'qemu-img': 'qemu-utils',
  libvirtd: 'libvirt-daemon-system',
  virsh: 'libvirt-clients',
  dnsmasq: 'dnsmasq-base',
  ip: 'iproute2',
  cpio: 'cpio',
  'qemu-ga': 'qemu-guest-agent',
  mke2fs: 'e2fsprogs',
};

export function findProgram(name) {
  const onPath = (process.env.PATH ?? '').split(':').filter(Boolean);
  return [...onPath, ...folders].map((folder) => `${folder}/${name}`).find((file) => existsSync(file));
}

function missingOf(table) {
  return Object.entries(table)
    .filter(([program]) => findProgram(program) === undefined)
    .map(([, name]) => name);
}

/** Missing packages, apart by whether a simulated fleet needs them too. */
export function missingPackages() {
  // Debian's plain busybox has the same name, but not all in one file.
  const isStatic = folders.some((folder) => existsSync(`${folder}/busybox`) && isStaticProgram(`${folder}/busybox`));
  return {
    base: missingOf(base),
    virtualisation: [...missingOf(virtualisation), ...(isStatic ? [] : ['busybox-static'])],
  };
}

/** A dynamic program names its loader in its first page. */
function isStaticProgram(file) {
  return !readFileSync(file).subarray(0, 4096).includes('/ld-linux');
}

export function canInstall() {
  return process.getuid() === 0 && findProgram('apt-get') !== undefined;
}

export async function install(packages, tell) {
  const options = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } };
  const lastLine = (text) => tell(text.trim().split('\n').at(-1).slice(0, 100));
  tell('reading package lists');
  await runQuietly('apt-get', ['-q', 'update'], options);
  const restore = keepFromStarting('nats-server');
  try {
    await runQuietly('apt-get', ['-q', 'install', '--yes', '--no-install-recommends', ...packages], {
      ...options,
      onOutput: lastLine,
    });
  } finally {
    restore();
  }
}

/** Debian starts a service when it installs it, and this one would listen on every address. Ours is started by `up`. */
function keepFromStarting(service) {
  const file = '/usr/sbin/policy-rc.d';
  if (existsSync(file)) return () => undefined;
  writeFileSync(file, `#!/bin/sh\n[ "$1" = ${service} ] && exit 101\nexit 0\n`, { mode: 0o755 });
  return () => rmSync(file, { force: true });
}

/** What nothing runs without, in words: packages, and a program that is there but too old. Empty when all is there. */
export function lacksOfBase(missing, natsServer) {
  const packages = missing.join(' ');
  return [
    packages && `${packages} (as root: apt-get install --no-install-recommends ${packages})`,
    natsServer && faultOf(natsServer),
  ].filter(Boolean);
}

const oldestNatsServer = [2, 9, 10];

function faultOf({ file, says }) {
  const wanted = `nats-server ${oldestNatsServer.join('.')} or newer`;
  const version = /v(\d+)\.(\d+)\.(\d+)/.exec(says)?.slice(1).map(Number);
  if (version === undefined) return `${wanted}: ${file} does not say its version`;
  const steps = version.map((number, index) => number - oldestNatsServer[index]).find((difference) => difference !== 0);
  if (steps === undefined || steps > 0) return undefined;
  return `${wanted}: ${file} is ${version.join('.')}; replace it, or put a newer one before it on the PATH`;
}

/** The one that `up` would start; undefined where there is none. */
export function foundNatsServer() {
  const file = findProgram('nats-server');
  if (file === undefined) return undefined;
  const { stdout, stderr } = spawnSync(file, ['--version'], { encoding: 'utf8', timeout: 10_000 });
  return { file, says: `${stdout ?? ''}${stderr ?? ''}` };
}
