import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect as connectSocket, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A nats-server of a test's own: free port on 127.0.0.1, files in a temporary directory. */
export interface NatsServer {
  /** Stays the same over `restart` and `kill9`. */
  readonly url: string;
  /** Of its process, for what /proc says of it. Throws while it does not run. */
  pid(): number;
  /** Ends it (it writes its files first) and starts it again. */
  restart(): Promise<void>;
  /** SIGKILL. Nothing runs when it resolves; `start` goes on with the files that are there. */
  kill9(): Promise<void>;
  /** Starts after `kill9` or `wipe`; resolves when it takes connections. */
  start(): Promise<void>;
  /** SIGKILL and deletes what JetStream stored, while clients are connected. `start` begins with nothing. */
  wipe(): Promise<void>;
  /** Ends it, if it runs, and removes its files. */
  stop(): Promise<void>;
}

export interface NatsServerOptions {
  readonly jetstream?: boolean;
  /** Lines added to the configuration, e.g. those of operator mode. */
  readonly config?: string;
}

const BINARY = process.env['NATS_SERVER'] ?? 'nats-server';

export async function startNats(options: NatsServerOptions = {}): Promise<NatsServer> {
  const folder = await mkdtemp(path.join(tmpdir(), 'drover-nats-'));
  const storeFolder = path.join(folder, 'jetstream');
  const logFile = path.join(folder, 'nats.log');
  const configFile = path.join(folder, 'nats.conf');
  const port = await freePort();
  const jetstream = options.jetstream === true ? `jetstream { store_dir: ${JSON.stringify(storeFolder)} }\n` : '';
  await writeFile(
    configFile,
    `listen: "127.0.0.1:${port}"\nlog_file: ${JSON.stringify(logFile)}\n${jetstream}${options.config ?? ''}\n`,
  );
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    const started = spawn(BINARY, ['-c', configFile], { stdio: 'ignore', env: { ...process.env, PATH: searchPath() } });
    child = started;
    const failed = once(started, 'error').then(([error]) => {
      throw new Error(`${BINARY} cannot be started`, { cause: error });
    });
    failed.catch(() => undefined);
    await Promise.race([failed, takesConnections(started)]);
  }

  async function takesConnections(started: ChildProcess): Promise<void> {
    for (const deadline = performance.now() + 10_000; performance.now() < deadline; await sleep(10)) {
      if (started.exitCode !== null) break;
      if (await isReady(port)) return;
    }
    started.kill('SIGKILL');
    throw new Error(`nats-server does not start: ${await readFile(logFile, 'utf8').catch(() => 'it wrote no log')}`);
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    const ending = child;
    child = undefined;
    if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return;
    const exited = once(ending, 'exit');
    ending.kill(signal);
    await exited;
  }

  try {
    await start();
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  return {
    url: `nats://127.0.0.1:${port}`,
    pid() {
      if (child?.pid === undefined) throw new Error('nats-server does not run');
      return child.pid;
    },
    start,
    restart: async () => {
      await end('SIGTERM');
      await start();
    },
    kill9: () => end('SIGKILL'),
    wipe: async () => {
      await end('SIGKILL');
      await rm(storeFolder, { recursive: true, force: true });
    },
    stop: async () => {
      await end('SIGTERM');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Debian puts nats-server where only root's PATH may look. */
function searchPath(): string {
  return `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/local/sbin`;
}

/** A server says INFO first, and takes connections once it answers PING. */
function isReady(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectSocket(port, '127.0.0.1');
    const settle = (ready: boolean) => {
      socket.destroy();
      resolve(ready);
    };
    socket.once('data', () => settle(true));
    socket.once('error', () => settle(false));
    socket.once('close', () => settle(false));
  });
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}
