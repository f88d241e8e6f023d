/**
 * Starts a libvirtd that shares nothing with the machine's own: mount, network and host-name namespaces of its own, private
 * directories bound over libvirt's, its own configuration. Any number may run at the same time, together with a real one.
 *
 * The unix socket is reachable from outside through the private directory, because a socket belongs to its inode.
 */
import { randomUUID } from 'node:crypto';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { killAll, processesOfHost } from './host-processes.runner.js';
import { run } from './command.runner.js';

export interface PrivateLibvirtdOptions {
  /** Where the private directories go; made if missing, removed by `stop` only when this helper chose it. */
  readonly dir?: string;
  /** Complete text of `qemu.conf`; by default QEMU runs as root without confinement and without cgroups. */
  readonly qemuConf?: string;
  /** Lines added to `libvirtd.conf`, for example `max_client_requests = 2`. */
  readonly libvirtdConf?: string;
}

export interface PrivateLibvirtd {
  readonly dir: string;
  readonly socketPath: string;
  /** For virsh and other clients of the C library; `qemu:///system` through this daemon's socket. */
  readonly uri: string;
  /** Process id of the running daemon, seen from outside. Changes with `restart`. */
  readonly pid: number;
  /** Runs virsh against this daemon and resolves to what it printed; rejects with its error text. */
  virsh(...args: readonly string[]): Promise<string>;
  /** The daemon's children that outlive it (QEMU, dnsmasq), by process id. */
  children(): readonly number[];
  /** Host process id of a running domain's QEMU, for signals. */
  qemuPid(domainName: string): number;
  /** Sends a signal to the daemon alone, not to its QEMU children. Resolves when it is gone, if the signal ends it. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Starts the daemon again (ending it first if it still runs); QEMU children live on and are found again. */
  restart(): Promise<void>;
  /** Ends the daemon and every QEMU child and removes the directory. May be called twice. */
  stop(): Promise<void>;
}

const startTimeoutMs = 60_000;

const privateQemuConf = `stdio_handler = "file"
security_driver = "none"
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
cgroup_controllers = [ ]
`;

/** What is bound over what, relative to the private directory. */
const bindings = [
  ['run', '/run/libvirt'],
  ['lib', '/var/lib/libvirt'],
  ['etc', '/etc/libvirt'],
  ['log', '/var/log/libvirt'],
  ['cache', '/var/cache/libvirt'],
] as const;

// /dev/kvm may exist on a machine whose processor cannot virtualise, and then hangs a program that uses it. There a /dev without
// it is mounted: covering the node alone would not do, because libvirtd asks only whether it may open it, finds that QEMU
// cannot use it, and probes QEMU again (2 s) before every question.
const namespaceScript = `set -e
dir=$1; shift
while [ "$1" != -- ]; do mkdir -p "$2"; mount --bind "$dir/$1" "$2"; shift 2; done
shift
if [ -e /dev/kvm ] && ! grep -qE '^flags.* (svm|vmx)( |$)' /proc/cpuinfo; then
  mkdir -p "$dir/dev"
  mount -t tmpfs -o mode=755 dev "$dir/dev"
  for node in null zero full random urandom tty ptmx; do cp -a "/dev/$node" "$dir/dev/"; done
  for device in net/tun vhost-net; do
    if [ -e "/dev/$device" ]; then mkdir -p "$dir/dev/$(dirname $device)"; cp -a "/dev/$device" "$dir/dev/$device"; fi
  done
  mount --make-rprivate /
  awk '$5 ~ "^/dev/" { print $5 }' /proc/self/mountinfo | while read -r mounted; do
    inside="$dir/dev/\${mounted#/dev/}"
    if [ -d "$mounted" ]; then mkdir -p "$inside"; else : > "$inside"; fi
    mount --move "$mounted" "$inside"
  done
  mount --move "$dir/dev" /dev
fi
ip link set lo up
# Live migration is refused between hosts of one name.
hostname "$(basename "$dir")"
exec "$@"
`;

function startDaemon(dir: string): ChildProcess {
  return spawn(
    'unshare',
    [
      ...[
        '--mount',
        '--net',
        '--uts',
        '--propagation',
        'private',
        '--',
        'sh',
        '-c',
        namespaceScript,
        'private-libvirtd',
        dir,
      ],
      ...bindings.flat(),
      ...['--', 'libvirtd', '--config', '/etc/libvirt/libvirtd.conf', '--pid-file', '/run/libvirt/libvirtd.pid'],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
}

function writeConfiguration(dir: string, options: PrivateLibvirtdOptions): void {
  for (const [name] of bindings) mkdirSync(path.join(dir, name), { recursive: true });
  const libvirtdConf = `host_uuid = "${randomUUID()}"
log_outputs = "2:file:/var/log/libvirt/libvirtd.log"
${options.libvirtdConf ?? ''}
`;
  writeFileSync(path.join(dir, 'etc', 'libvirtd.conf'), libvirtdConf);
  writeFileSync(path.join(dir, 'etc', 'qemu.conf'), options.qemuConf ?? privateQemuConf);
}

export async function startPrivateLibvirtd(options: PrivateLibvirtdOptions = {}): Promise<PrivateLibvirtd> {
  const dir = options.dir ?? mkdtempSync(path.join(tmpdir(), 'drover-libvirt-'));
  writeConfiguration(dir, options);
  // QEMU may run as another user (a caller's own qemu.conf) and must be able to pass.
  await chmod(dir, 0o755);
  const socketPath = path.join(dir, 'run', 'libvirt-sock');
  const uri = `qemu:///system?socket=${socketPath}`;
  const virsh = (...args: readonly string[]) => run('virsh', ['--quiet', '--connect', uri, ...args]);

  let daemon: ChildProcess;
  let exited: Promise<void>;
  let lastWords = '';

  async function launch(): Promise<void> {
    rmSync(socketPath, { force: true });
    lastWords = '';
    daemon = startDaemon(dir);
    const child = daemon;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      lastWords = (lastWords + text).slice(-4000);
    });
    exited = new Promise((resolve) => {
      child.once('exit', () => resolve());
      child.once('error', (error) => {
        lastWords += error.message;
        resolve();
      });
    });
    const deadline = Date.now() + startTimeoutMs;
    for (;;) {
      const answer = await virsh('uri').catch((error: unknown) => error);
      if (typeof answer === 'string') return;
      if (!isRunning()) throw new Error(`libvirtd ended at once: ${lastWords}${readLog(dir)}`, { cause: answer });
      if (Date.now() > deadline) {
        child.kill('SIGKILL');
        throw new Error(`libvirtd does not answer on ${socketPath}: ${readLog(dir)}`, { cause: answer });
      }
      await delay(20);
    }
  }

  function isRunning(): boolean {
    return daemon.pid !== undefined && daemon.exitCode === null && daemon.signalCode === null;
  }

  function daemonPid(): number {
    if (daemon.pid === undefined) throw new Error(`libvirtd never started: ${lastWords}`);
    return daemon.pid;
  }

  async function kill(signal: NodeJS.Signals): Promise<void> {
    daemon.kill(signal);
    if (signal === 'SIGSTOP' || signal === 'SIGCONT' || signal === 'SIGHUP') return;
    if (signal === 'SIGKILL') return exited;
    // A daemon busy with a hung QEMU may never act on a polite signal.
    await Promise.race([exited, delay(10_000, undefined, { ref: false })]);
    if (isRunning()) daemon.kill('SIGKILL');
    await exited;
  }

  const children = () => processesOfHost(path.join(dir, 'run')).filter((pid) => pid !== daemon.pid);

  async function stop(): Promise<void> {
    if (isRunning()) await kill('SIGKILL');
    await killAll(children);
    if (options.dir === undefined) rmSync(dir, { recursive: true, force: true });
  }

  try {
    await launch();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    dir,
    socketPath,
    uri,
    get pid() {
      return daemonPid();
    },
    virsh,
    children,
    qemuPid: (domainName) => Number(readFileSync(path.join(dir, 'run', 'qemu', `${domainName}.pid`), 'utf8')),
    kill,
    async restart() {
      if (isRunning()) await kill('SIGTERM');
      await launch();
    },
    stop,
  };
}

function readLog(dir: string): string {
  try {
    return readFileSync(path.join(dir, 'log', 'libvirtd.log'), 'utf8').slice(-2000);
  } catch (error) {
    return `(no log: ${String(error)})`;
  }
}
