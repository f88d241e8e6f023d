/** libvirt's daemon of this machine: the one that runs, or one that is started. */
import { access, constants, mkdir, readFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { StartFailure, startInBackground } from './background-process.js';
import type { ProcessIdentity } from './process-identity.js';
import type { ManagedProcess } from './process-table.js';
import { connectionsOf } from './socket-clients.js';

/** The modular daemon's first, where a machine has it. */
export const libvirtSockets = ['/run/libvirt/virtqemud-sock', '/run/libvirt/libvirt-sock'] as const;

/** What `startLibvirtd` has libvirtd listen at. */
const monolithicSocket = '/run/libvirt/libvirt-sock';
/** Time for libvirtd to notice that a client has gone. */
const PARTING_MS = 2_000;

export type LibvirtDaemon = 'virtlogd' | 'libvirtd';
export type OnDaemonLaunched = (name: LibvirtDaemon, identity: ProcessIdentity) => Promise<void>;

/**
 * Where the processor cannot virtualise, /dev/kvm may exist all the same and open. libvirtd asks only that, finds that QEMU
 * cannot use it, distrusts what it remembered of QEMU and probes it again, seconds before every answer. So there it gets a
 * /dev without that node: a copy in a mount namespace of its own. (Covering the one node would keep libvirtd from making
 * the /dev that it gives to each QEMU.)
 */
const withoutKvm = `set -e
dev=$(mktemp -d /run/drover-dev.XXXXXX)
mount -t tmpfs -o mode=755 dev "$dev"
cp -ax /dev/. "$dev/"
rm -f "$dev/kvm"
awk '$5 ~ "^/dev/" { print $5 }' /proc/self/mountinfo | while read -r mounted; do
  mount --move "$mounted" "$dev/\${mounted#/dev/}"
done
mount --move "$dev" /dev
rmdir "$dev"
exec "$@"`;

/** Whether this machine's processor can run guests itself. */
export function canVirtualise(cpuInfo: string): boolean {
  return /^flags[ \t]*:.*[ \t](svm|vmx)([ \t]|$)/m.test(cpuInfo);
}

async function launchCommand(daemon: string): Promise<{ readonly command: string; readonly args: readonly string[] }> {
  const hasNode = await isThere('/dev/kvm', constants.F_OK);
  if (process.arch !== 'x64' || !hasNode || canVirtualise(await readFile('/proc/cpuinfo', 'utf8'))) {
    return { command: daemon, args: [] };
  }
  const args = ['--mount', '--propagation', 'slave', 'sh', '-c', withoutKvm, 'without-kvm', daemon];
  return { command: 'unshare', args };
}

/** The socket of a daemon that takes connections now. */
export async function findLibvirtSocket(sockets: readonly string[] = libvirtSockets): Promise<string | undefined> {
  for (const socket of sockets) if (await accepts(socket)) return socket;
  return undefined;
}

/**
 * Starts libvirtd and, because Debian's qemu.conf hands consoles to it and without systemd nothing else starts it, virtlogd.
 * Their children (QEMU) outlive them.
 */
export async function startLibvirtd(logFolder: string, onLaunched: OnDaemonLaunched): Promise<string> {
  await mkdir('/run/libvirt', { recursive: true, mode: 0o755 });
  if (!(await accepts('/run/libvirt/virtlogd-sock'))) {
    await start('virtlogd', '/run/libvirt/virtlogd-sock', logFolder, onLaunched);
  }
  await start('libvirtd', monolithicSocket, logFolder, onLaunched);
  return monolithicSocket;
}

/**
 * Whether somebody else still needs this daemon, such as the agent of another home, once all of this home that used it has
 * ended: a libvirtd that has clients, and the virtlogd of a libvirtd that runs.
 */
export async function isLibvirtUsed({ name, identity }: Pick<ManagedProcess, 'name' | 'identity'>): Promise<boolean> {
  if (name === 'virtlogd') return accepts(monolithicSocket);
  if (name !== 'libvirtd') return false;
  const giveUpAtMs = performance.now() + PARTING_MS;
  while ((await connectionsOf(identity.pid, [monolithicSocket, `${monolithicSocket}-ro`])) > 0) {
    if (performance.now() >= giveUpAtMs) return true;
    await delay(20);
  }
  return false;
}

async function start(
  name: LibvirtDaemon,
  socket: string,
  logFolder: string,
  onLaunched: OnDaemonLaunched,
): Promise<void> {
  const command = await programPath(name);
  if (command === undefined) throw new StartFailure(`${name} is not installed (Debian package libvirt-daemon-system)`);
  await startInBackground(
    {
      name,
      ...(name === 'libvirtd' ? await launchCommand(command) : { command, args: [] }),
      logFile: path.join(logFolder, `${name}.log`),
      onLaunched: (identity) => onLaunched(name, identity),
    },
    () => accepts(socket),
    60_000,
  );
}

async function programPath(name: string): Promise<string | undefined> {
  for (const folder of ['/usr/sbin', '/usr/bin', '/usr/local/sbin', '/usr/local/bin']) {
    const file = path.join(folder, name);
    const found = await isThere(file, constants.X_OK);
    if (found) return file;
  }
  return undefined;
}

function isThere(file: string, mode: number): Promise<boolean> {
  return access(file, mode).then(
    () => true,
    () => false,
  );
}

function accepts(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(socketPath);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
